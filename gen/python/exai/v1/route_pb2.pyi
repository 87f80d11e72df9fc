import datetime

from exai.v1 import error_reason_pb2 as _error_reason_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Route(_message.Message):
    __slots__ = ("requested_model", "reason", "attempts", "skipped", "config_version")
    REQUESTED_MODEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    CONFIG_VERSION_FIELD_NUMBER: _ClassVar[int]
    requested_model: str
    reason: str
    attempts: _containers.RepeatedCompositeFieldContainer[RouteAttempt]
    skipped: _containers.RepeatedCompositeFieldContainer[RouteSkip]
    config_version: int
    def __init__(self, requested_model: _Optional[str] = ..., reason: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[RouteAttempt, _Mapping]]] = ..., skipped: _Optional[_Iterable[_Union[RouteSkip, _Mapping]]] = ..., config_version: _Optional[int] = ...) -> None: ...

class RouteAttempt(_message.Message):
    __slots__ = ("provider", "model", "outcome", "duration", "error", "upstream_status", "upstream_code", "time_to_first_token", "key_label")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[RouteAttempt.Outcome]
        OUTCOME_SUCCEEDED: _ClassVar[RouteAttempt.Outcome]
        OUTCOME_FAILED: _ClassVar[RouteAttempt.Outcome]
        OUTCOME_BROKEN: _ClassVar[RouteAttempt.Outcome]
        OUTCOME_CANCELLED: _ClassVar[RouteAttempt.Outcome]
    OUTCOME_UNSPECIFIED: RouteAttempt.Outcome
    OUTCOME_SUCCEEDED: RouteAttempt.Outcome
    OUTCOME_FAILED: RouteAttempt.Outcome
    OUTCOME_BROKEN: RouteAttempt.Outcome
    OUTCOME_CANCELLED: RouteAttempt.Outcome
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_STATUS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_CODE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_FIRST_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KEY_LABEL_FIELD_NUMBER: _ClassVar[int]
    provider: str
    model: str
    outcome: RouteAttempt.Outcome
    duration: _duration_pb2.Duration
    error: _error_reason_pb2.ErrorReason
    upstream_status: int
    upstream_code: str
    time_to_first_token: _duration_pb2.Duration
    key_label: str
    def __init__(self, provider: _Optional[str] = ..., model: _Optional[str] = ..., outcome: _Optional[_Union[RouteAttempt.Outcome, str]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., error: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., upstream_status: _Optional[int] = ..., upstream_code: _Optional[str] = ..., time_to_first_token: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., key_label: _Optional[str] = ...) -> None: ...

class RouteSkip(_message.Message):
    __slots__ = ("provider", "model", "reason", "message")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[RouteSkip.Reason]
        REASON_CAPABILITY: _ClassVar[RouteSkip.Reason]
        REASON_POLICY: _ClassVar[RouteSkip.Reason]
        REASON_PRICE: _ClassVar[RouteSkip.Reason]
        REASON_SHUTDOWN: _ClassVar[RouteSkip.Reason]
        REASON_NO_KEY: _ClassVar[RouteSkip.Reason]
        REASON_CIRCUIT_OPEN: _ClassVar[RouteSkip.Reason]
        REASON_NOT_NEEDED: _ClassVar[RouteSkip.Reason]
        REASON_SANDBOX: _ClassVar[RouteSkip.Reason]
        REASON_BUSY: _ClassVar[RouteSkip.Reason]
    REASON_UNSPECIFIED: RouteSkip.Reason
    REASON_CAPABILITY: RouteSkip.Reason
    REASON_POLICY: RouteSkip.Reason
    REASON_PRICE: RouteSkip.Reason
    REASON_SHUTDOWN: RouteSkip.Reason
    REASON_NO_KEY: RouteSkip.Reason
    REASON_CIRCUIT_OPEN: RouteSkip.Reason
    REASON_NOT_NEEDED: RouteSkip.Reason
    REASON_SANDBOX: RouteSkip.Reason
    REASON_BUSY: RouteSkip.Reason
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    provider: str
    model: str
    reason: RouteSkip.Reason
    message: str
    def __init__(self, provider: _Optional[str] = ..., model: _Optional[str] = ..., reason: _Optional[_Union[RouteSkip.Reason, str]] = ..., message: _Optional[str] = ...) -> None: ...
