"""What the generated code leaves to its users: the details of an error, whichever library raised it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exai.v1.error_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.any_pb2 import Any

__all__ = ["error_info"]

_GRPC_DETAILS = "grpc-status-details-bin"


def error_info(error: BaseException) -> ErrorInfo | None:
    """
    The ErrorInfo of a failed call: of a grpc.RpcError, a grpc.aio.AioRpcError or a connectrpc.errors.ConnectError.
    None when the error did not come from exai, such as one of the connection.
    """
    for detail in _details_of(error):
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo()
            detail.Unpack(info)
            return info
    return None


def _details_of(error: BaseException) -> Iterable[Any]:
    # Neither library is imported: a program has one of them, or the other.
    trailing_metadata = getattr(error, "trailing_metadata", None)
    if trailing_metadata is None:
        return getattr(error, "details", ())
    for key, value in trailing_metadata() or ():
        if key == _GRPC_DETAILS:
            return Status.FromString(value).details
    return ()
