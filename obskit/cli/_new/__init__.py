"""What ``obskit new`` writes."""

from obskit.cli._new._service import write_service
from obskit.cli._new._wheel import DISTRIBUTION, bundle

__all__ = ["DISTRIBUTION", "bundle", "write_service"]
