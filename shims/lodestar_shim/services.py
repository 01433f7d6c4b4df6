"""What a request needs on its way."""

from __future__ import annotations

from dataclasses import dataclass, field

from lodestar.catalog import Catalog
from lodestar.plugins import Plugins
from lodestar.settings import Settings
from lodestar.store.store import Store
from lodestar_shim.keys import Keys
from lodestar_shim.live import LiveSession
from lodestar_shim.metrics import Metrics
from lodestar_shim.recorder import Recorder
from lodestar_shim.upstream import Upstreams


@dataclass(frozen=True)
class Services:
    """The parts of a running shim."""

    settings: Settings
    catalog: Catalog
    plugins: Plugins
    store: Store
    recorder: Recorder
    upstreams: Upstreams
    session: LiveSession
    keys: Keys
    metrics: Metrics = field(default_factory=Metrics)
