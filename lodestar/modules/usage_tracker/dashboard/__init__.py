"""`lodestar dashboard`: what is used and spent, live on a terminal."""
