import datetime

from exai.v1 import error_reason_pb2 as _error_reason_pb2
from exai.v1 import route_pb2 as _route_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorInfo(_message.Message):
    __slots__ = ("reason", "provider", "model", "retry_delay", "route", "request_id", "origin")
    class Origin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ORIGIN_UNSPECIFIED: _ClassVar[ErrorInfo.Origin]
        ORIGIN_CLIENT: _ClassVar[ErrorInfo.Origin]
        ORIGIN_GATEWAY: _ClassVar[ErrorInfo.Origin]
        ORIGIN_UPSTREAM: _ClassVar[ErrorInfo.Origin]
    ORIGIN_UNSPECIFIED: ErrorInfo.Origin
    ORIGIN_CLIENT: ErrorInfo.Origin
    ORIGIN_GATEWAY: ErrorInfo.Origin
    ORIGIN_UPSTREAM: ErrorInfo.Origin
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    RETRY_DELAY_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    reason: _error_reason_pb2.ErrorReason
    provider: str
    model: str
    retry_delay: _duration_pb2.Duration
    route: _route_pb2.Route
    request_id: str
    origin: ErrorInfo.Origin
    def __init__(self, reason: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., retry_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., route: _Optional[_Union[_route_pb2.Route, _Mapping]] = ..., request_id: _Optional[str] = ..., origin: _Optional[_Union[ErrorInfo.Origin, str]] = ...) -> None: ...
