"""What the generated code leaves to its users: the details of an error, whichever library raised it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exai.v1.error_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["error_info"]

_GRPC_DETAILS = "grpc-status-details-bin"


def error_info(error: BaseException) -> ErrorInfo | None:
    """
    The ErrorInfo of a failed call: of a grpc.RpcError, a grpc.aio.AioRpcError or a connectrpc.errors.ConnectError.
    None when the error did not come from exai, such as one of the connection.
    """
    for type_name, value in _details_of(error):
        if type_name == ErrorInfo.DESCRIPTOR.full_name:
            return ErrorInfo.FromString(value)
    return None


def _details_of(error: BaseException) -> Iterable[tuple[str, bytes]]:
    # Neither library is imported: a program has one of them, or the other.
    trailing_metadata = getattr(error, "trailing_metadata", None)
    if trailing_metadata is None:
        details = getattr(error, "details", ())
        return [(each.type_name, each.message_bytes) for each in details]
    for key, value in trailing_metadata() or ():
        if key == _GRPC_DETAILS:
            status = Status.FromString(value)
            return [(each.TypeName(), each.value) for each in status.details]
    return []
