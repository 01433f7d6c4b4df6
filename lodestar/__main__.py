"""`python -m lodestar`."""

from lodestar.start import main

if __name__ == "__main__":
    main()
