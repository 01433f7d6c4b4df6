"""What can go wrong with the hub, told in three lines."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from lodestar.errors import CredentialsError, LodestarError, UsageError
from lodestar.hub.curated import Wanted
from lodestar.terminal import one_line

AGAIN = "run the same command again: it goes on where this one stopped"
INTERRUPTED = 130


class StoppedError(LodestarError):
    """The user stopped a download."""

    exit_code = INTERRUPTED


@contextmanager
def told(wanted: Wanted, host: str, token: bool, fetching: bool = False) -> Iterator[None]:
    """Turn what the hub's library raises into what a user can act on.

    With `fetching` a part may be on the disk already, and the next run takes it up.
    """
    import httpx

    try:
        yield
    except KeyboardInterrupt as error:
        if not fetching:
            raise
        raise StoppedError("interrupted", "the part that is here is kept", AGAIN) from error
    except LodestarError:
        raise
    # ValueError: an answer that is not JSON, a name that the library does not take.
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise _explained(error, wanted, host, token, fetching) from error


def no_file(wanted: Wanted, near: str | None) -> UsageError:
    """The repository is there and the file is not."""
    return UsageError(
        f"{wanted.repo} has no file `{wanted.file}`",
        f"looked at its revision `{wanted.revision}`",
        f"did you mean `{near}`?" if near else "look at the model's page for its files",
    )


def _explained(
    error: Exception, wanted: Wanted, host: str, token: bool, fetching: bool
) -> LodestarError:
    from httpx import TransportError
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return LodestarError(
            f"{host} was not asked", "HF_HUB_OFFLINE is set", "unset it, then run it again"
        )
    if isinstance(error, errors.HfHubHTTPError):
        return _answered(error, wanted, host, token)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return LodestarError("the disk is full", "the part that is here is kept", AGAIN)
    if fetching:
        return LodestarError(f"the download of {wanted.file} broke off", _reason(error), AGAIN)
    if isinstance(error, TransportError):
        return LodestarError(
            f"{host} cannot be reached",
            _reason(error),
            "connect to the network, or import a file: lodestar models import FILE",
        )
    return LodestarError(
        f"{host} did not answer as the hub does", _reason(error), "look at HF_ENDPOINT"
    )


def _answered(error: Exception, wanted: Wanted, host: str, token: bool) -> LodestarError:
    from huggingface_hub import errors

    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else 0
    if isinstance(error, errors.RevisionNotFoundError):
        return UsageError(
            f"{wanted.repo} has no revision `{wanted.revision}`",
            "it is no branch, tag or commit there",
            "choose another --revision",
        )
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return no_file(wanted, None)
    if isinstance(error, errors.GatedRepoError) or status in (401, 403):
        return _closed(isinstance(error, errors.GatedRepoError), wanted, token)
    if status == 404:
        return UsageError(
            f"{host} has no model `{wanted.repo}`",
            "it never had, or it was removed",
            "check its name",
        )
    return LodestarError(
        f"{host} answered with status {status}",
        "it is busy, or has trouble of its own",
        "try again later; a part that is here is kept",
    )


def _closed(gated: bool, wanted: Wanted, token: bool) -> LodestarError:
    if gated:
        why = "it is for those who accepted its licence on its page"
    elif token:
        why = "the token in HF_TOKEN may not read it"
    else:
        why = "it is private, or there is none of that name"
    do = "check the name and the model's page, then set HF_TOKEN to a token that may read it"
    return CredentialsError(f"the hub does not hand out {wanted.repo}", why, do)


def _reason(error: Exception) -> str:
    return one_line(str(error) or type(error).__name__, 200)
