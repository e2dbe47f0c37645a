"""What a service and its client share: a DDS reader and a DDS writer that come and go together."""

from __future__ import annotations

from policy_nodes.rosless.wire.endpoints import Reader, Writer


class Exchange:
    """One side of a service.

    Args:
        reader: requests, or replies.
        writer: replies, or requests.
    """

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader, self._writer = reader, writer

    def destroy(self) -> None:
        """Delete both; ``Node.destroy_service`` and ``Node.destroy_client`` are the way for users."""
        self._reader.close()
        self._writer.close()

    def _conditions(self) -> tuple[int, ...]:
        return (self._reader.condition,) if self._reader.alive else ()
