"""Traffic for receive paths to be seen at work: a sender, receivers, and what they do live."""

from .bins import edges
from .run import TrafficRun
from .sample import PathReading, Sample, SenderReading, layout
from .settings import Settings

__all__ = ["PathReading", "Sample", "SenderReading", "Settings", "TrafficRun", "edges", "layout"]
