"""Opening the gates of one attempt: all must agree, and a broken one closes paid routes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from lodestar.exchange import Outcome, Request, Route
from lodestar.hookspecs import AttemptGate, Refused
from lodestar.plugins import Plugins, call
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar.threads import to_the_end

log = logging.getLogger("lodestar.shim.gates")


class Gates:
    """The opened gates of one attempt, as one."""

    def __init__(self, gates: list[AttemptGate], paid: bool) -> None:
        self._gates = gates
        self._paid = paid

    @property
    def max_output(self) -> int | None:
        """The lowest output cap that a gate sets, tokens."""
        caps = [gate.max_output for gate in self._gates if gate.max_output]
        return min(caps) if caps else None

    @property
    def notices(self) -> list[str]:
        """What the gates have to say to the user about this attempt."""
        return [line for gate in self._gates for line in _lines(gate)]

    @property
    def cash_nano(self) -> int:
        """What the settled gates charged, nano-dollars; those that charge nothing need not say."""
        amounts = [getattr(gate, "cash_nano", 0) for gate in self._gates]
        return sum(amount for amount in amounts if isinstance(amount, int))

    def progress(self, received: int) -> bool:
        """Tell every gate the bytes received; False where one of them stops the answer.

        A gate that fails stops a paid answer and lets a free one go on.
        """
        return all([self._told(gate, received) for gate in self._gates])  # noqa: C419 (tell all)

    def _told(self, gate: AttemptGate, received: int) -> bool:
        try:
            return gate.progress(received)
        except Exception:
            log.exception("a gate could not follow an answer")
            return not self._paid

    def finish(self, outcome: Outcome) -> None:
        """Settle every gate; a failure of one is logged and does not keep the others from it.

        Call it in a worker thread.
        """
        for gate in self._gates:
            try:
                gate.finish(outcome)
            except Exception:
                log.exception("a gate could not settle")


@asynccontextmanager
async def open_gates(
    request: Request, route: Route, plugins: Plugins, store: Store, settings: Settings
) -> AsyncIterator[Gates]:
    """Enter every module's gate. Raises Refused."""
    if route.entry.paid and settings.limits.free_only:
        raise _free_only(route)
    opened: list[AttemptGate] = []
    gates = Gates(opened, route.entry.paid)
    async with AsyncExitStack() as stack:
        try:
            async for gate in _entered(stack, request, route, plugins, store, settings):
                opened.append(gate)
            # Only a gate that set a cap has looked at what the answer may cost.
            metered = any(isinstance(gate.max_output, int) for gate in opened)
            if route.entry.paid and not metered and not settings.allow_unmetered:
                raise _unmetered(route)
        except BaseException:
            # Nothing was sent, and nothing will be.
            await to_the_end(gates.finish, Outcome("aborted", sent=False))
            raise
        yield gates


async def _entered(
    stack: AsyncExitStack,
    request: Request,
    route: Route,
    plugins: Plugins,
    store: Store,
    settings: Settings,
) -> AsyncIterator[AttemptGate]:
    for name, impl in plugins.implementations("open_attempt"):
        arguments = {"request": request, "route": route, "store": store, "settings": settings}
        try:
            gate = await stack.enter_async_context(call(impl, arguments))
        except Refused:
            raise
        except Exception as error:
            log.exception("the gate of module %s failed", name)
            if route.entry.paid:
                raise _broken(name) from error
        else:
            yield gate


def _lines(gate: AttemptGate) -> list[str]:
    lines = getattr(gate, "notices", ())
    if not isinstance(lines, Sequence) or isinstance(lines, (str, bytes)):
        log.error("a gate's notices are no list: %.100r", lines)
        return []
    return [line for line in lines if isinstance(line, str)]


def _unmetered(route: Route) -> Refused:
    return Refused(
        f"`{route.alias}` is a paid model and nothing here counts its cost",
        "ask",
        "usage_tracker",
        "switch the module usage_tracker on, or set allow_unmetered: true in config.yaml",
    )


def _free_only(route: Route) -> Refused:
    return Refused(
        f"`{route.alias}` is a paid model and this session is free only",
        "downgrade",
        "limits.free_only",
        "start without --free-only, or set limits.free_only: false",
    )


def _broken(name: str) -> Refused:
    return Refused(
        f"paid models are closed: the module {name} cannot check this request",
        "ask",
        name,
        "free models keep working; see the log",
    )
