import datetime

from exai.v1 import error_reason_pb2 as _error_reason_pb2
from exai.v1 import key_pb2 as _key_pb2
from exai.v1 import route_pb2 as _route_pb2
from exai.v1 import status_pb2 as _status_pb2
from exai.v1 import usage_pb2 as _usage_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_KIND_UNSPECIFIED: _ClassVar[EventKind]
    EVENT_KIND_REQUEST: _ClassVar[EventKind]
    EVENT_KIND_ATTEMPT: _ClassVar[EventKind]
    EVENT_KIND_CIRCUIT: _ClassVar[EventKind]
    EVENT_KIND_LIMIT: _ClassVar[EventKind]
    EVENT_KIND_FILE: _ClassVar[EventKind]
    EVENT_KIND_CONFIG: _ClassVar[EventKind]
    EVENT_KIND_ALERT: _ClassVar[EventKind]
SEVERITY_UNSPECIFIED: Severity
SEVERITY_INFO: Severity
SEVERITY_WARNING: Severity
SEVERITY_ERROR: Severity
EVENT_KIND_UNSPECIFIED: EventKind
EVENT_KIND_REQUEST: EventKind
EVENT_KIND_ATTEMPT: EventKind
EVENT_KIND_CIRCUIT: EventKind
EVENT_KIND_LIMIT: EventKind
EVENT_KIND_FILE: EventKind
EVENT_KIND_CONFIG: EventKind
EVENT_KIND_ALERT: EventKind

class Event(_message.Message):
    __slots__ = ("id", "create_time", "severity", "tenant", "request_id", "request", "attempt", "circuit", "limit", "file", "config", "alert")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CIRCUIT_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    ALERT_FIELD_NUMBER: _ClassVar[int]
    id: str
    create_time: _timestamp_pb2.Timestamp
    severity: Severity
    tenant: str
    request_id: str
    request: RequestEvent
    attempt: AttemptEvent
    circuit: CircuitEvent
    limit: LimitEvent
    file: FileEvent
    config: ConfigEvent
    alert: AlertEvent
    def __init__(self, id: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., severity: _Optional[_Union[Severity, str]] = ..., tenant: _Optional[str] = ..., request_id: _Optional[str] = ..., request: _Optional[_Union[RequestEvent, _Mapping]] = ..., attempt: _Optional[_Union[AttemptEvent, _Mapping]] = ..., circuit: _Optional[_Union[CircuitEvent, _Mapping]] = ..., limit: _Optional[_Union[LimitEvent, _Mapping]] = ..., file: _Optional[_Union[FileEvent, _Mapping]] = ..., config: _Optional[_Union[ConfigEvent, _Mapping]] = ..., alert: _Optional[_Union[AlertEvent, _Mapping]] = ...) -> None: ...

class RequestEvent(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: RequestRecord
    def __init__(self, request: _Optional[_Union[RequestRecord, _Mapping]] = ...) -> None: ...

class AttemptEvent(_message.Message):
    __slots__ = ("phase", "attempt", "index", "cause")
    class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PHASE_UNSPECIFIED: _ClassVar[AttemptEvent.Phase]
        PHASE_STARTED: _ClassVar[AttemptEvent.Phase]
        PHASE_ENDED: _ClassVar[AttemptEvent.Phase]
    PHASE_UNSPECIFIED: AttemptEvent.Phase
    PHASE_STARTED: AttemptEvent.Phase
    PHASE_ENDED: AttemptEvent.Phase
    class Cause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CAUSE_UNSPECIFIED: _ClassVar[AttemptEvent.Cause]
        CAUSE_FIRST: _ClassVar[AttemptEvent.Cause]
        CAUSE_RETRY: _ClassVar[AttemptEvent.Cause]
        CAUSE_FALLBACK: _ClassVar[AttemptEvent.Cause]
        CAUSE_HEDGE: _ClassVar[AttemptEvent.Cause]
        CAUSE_REPAIR: _ClassVar[AttemptEvent.Cause]
    CAUSE_UNSPECIFIED: AttemptEvent.Cause
    CAUSE_FIRST: AttemptEvent.Cause
    CAUSE_RETRY: AttemptEvent.Cause
    CAUSE_FALLBACK: AttemptEvent.Cause
    CAUSE_HEDGE: AttemptEvent.Cause
    CAUSE_REPAIR: AttemptEvent.Cause
    PHASE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    phase: AttemptEvent.Phase
    attempt: _route_pb2.RouteAttempt
    index: int
    cause: AttemptEvent.Cause
    def __init__(self, phase: _Optional[_Union[AttemptEvent.Phase, str]] = ..., attempt: _Optional[_Union[_route_pb2.RouteAttempt, _Mapping]] = ..., index: _Optional[int] = ..., cause: _Optional[_Union[AttemptEvent.Cause, str]] = ...) -> None: ...

class CircuitEvent(_message.Message):
    __slots__ = ("circuit", "previous_state")
    CIRCUIT_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_STATE_FIELD_NUMBER: _ClassVar[int]
    circuit: _status_pb2.Circuit
    previous_state: _status_pb2.Circuit.State
    def __init__(self, circuit: _Optional[_Union[_status_pb2.Circuit, _Mapping]] = ..., previous_state: _Optional[_Union[_status_pb2.Circuit.State, str]] = ...) -> None: ...

class LimitEvent(_message.Message):
    __slots__ = ("limit", "owner", "key_id", "key_label", "used_value", "refused", "reset_time")
    class Owner(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OWNER_UNSPECIFIED: _ClassVar[LimitEvent.Owner]
        OWNER_KEY: _ClassVar[LimitEvent.Owner]
        OWNER_TENANT: _ClassVar[LimitEvent.Owner]
        OWNER_MODEL: _ClassVar[LimitEvent.Owner]
        OWNER_GATEWAY: _ClassVar[LimitEvent.Owner]
    OWNER_UNSPECIFIED: LimitEvent.Owner
    OWNER_KEY: LimitEvent.Owner
    OWNER_TENANT: LimitEvent.Owner
    OWNER_MODEL: LimitEvent.Owner
    OWNER_GATEWAY: LimitEvent.Owner
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_LABEL_FIELD_NUMBER: _ClassVar[int]
    USED_VALUE_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    RESET_TIME_FIELD_NUMBER: _ClassVar[int]
    limit: _key_pb2.Limit
    owner: LimitEvent.Owner
    key_id: str
    key_label: str
    used_value: int
    refused: bool
    reset_time: _timestamp_pb2.Timestamp
    def __init__(self, limit: _Optional[_Union[_key_pb2.Limit, _Mapping]] = ..., owner: _Optional[_Union[LimitEvent.Owner, str]] = ..., key_id: _Optional[str] = ..., key_label: _Optional[str] = ..., used_value: _Optional[int] = ..., refused: _Optional[bool] = ..., reset_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class FileEvent(_message.Message):
    __slots__ = ("file_id", "action", "mime_type", "size_bytes", "provider", "error")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[FileEvent.Action]
        ACTION_CREATED: _ClassVar[FileEvent.Action]
        ACTION_DELETED: _ClassVar[FileEvent.Action]
        ACTION_EXPIRED: _ClassVar[FileEvent.Action]
        ACTION_COPIED: _ClassVar[FileEvent.Action]
        ACTION_COPY_FAILED: _ClassVar[FileEvent.Action]
        ACTION_COPY_REMOVED: _ClassVar[FileEvent.Action]
    ACTION_UNSPECIFIED: FileEvent.Action
    ACTION_CREATED: FileEvent.Action
    ACTION_DELETED: FileEvent.Action
    ACTION_EXPIRED: FileEvent.Action
    ACTION_COPIED: FileEvent.Action
    ACTION_COPY_FAILED: FileEvent.Action
    ACTION_COPY_REMOVED: FileEvent.Action
    FILE_ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MIME_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    file_id: str
    action: FileEvent.Action
    mime_type: str
    size_bytes: int
    provider: str
    error: _error_reason_pb2.ErrorReason
    def __init__(self, file_id: _Optional[str] = ..., action: _Optional[_Union[FileEvent.Action, str]] = ..., mime_type: _Optional[str] = ..., size_bytes: _Optional[int] = ..., provider: _Optional[str] = ..., error: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ...) -> None: ...

class ConfigEvent(_message.Message):
    __slots__ = ("accepted", "config_version", "problems", "restart_settings")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    CONFIG_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    RESTART_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    config_version: int
    problems: _containers.RepeatedScalarFieldContainer[str]
    restart_settings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, accepted: _Optional[bool] = ..., config_version: _Optional[int] = ..., problems: _Optional[_Iterable[str]] = ..., restart_settings: _Optional[_Iterable[str]] = ...) -> None: ...

class AlertEvent(_message.Message):
    __slots__ = ("name", "firing", "message", "provider", "model")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FIRING_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    firing: bool
    message: str
    provider: str
    model: str
    def __init__(self, name: _Optional[str] = ..., firing: _Optional[bool] = ..., message: _Optional[str] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ...) -> None: ...

class RequestRecord(_message.Message):
    __slots__ = ("request_id", "response_id", "method", "door", "tenant", "key_id", "key_label", "user", "conversation_id", "start_time", "duration", "time_to_first_token", "overhead_duration", "streaming", "outcome", "error", "provider", "model", "usage", "cost", "route", "replayed", "request_bytes", "response_bytes")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[RequestRecord.Outcome]
        OUTCOME_RUNNING: _ClassVar[RequestRecord.Outcome]
        OUTCOME_SUCCEEDED: _ClassVar[RequestRecord.Outcome]
        OUTCOME_FAILED: _ClassVar[RequestRecord.Outcome]
        OUTCOME_CANCELLED: _ClassVar[RequestRecord.Outcome]
        OUTCOME_UNKNOWN: _ClassVar[RequestRecord.Outcome]
    OUTCOME_UNSPECIFIED: RequestRecord.Outcome
    OUTCOME_RUNNING: RequestRecord.Outcome
    OUTCOME_SUCCEEDED: RequestRecord.Outcome
    OUTCOME_FAILED: RequestRecord.Outcome
    OUTCOME_CANCELLED: RequestRecord.Outcome
    OUTCOME_UNKNOWN: RequestRecord.Outcome
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ID_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    DOOR_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    KEY_LABEL_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_FIRST_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OVERHEAD_DURATION_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_BYTES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    response_id: str
    method: str
    door: str
    tenant: str
    key_id: str
    key_label: str
    user: str
    conversation_id: str
    start_time: _timestamp_pb2.Timestamp
    duration: _duration_pb2.Duration
    time_to_first_token: _duration_pb2.Duration
    overhead_duration: _duration_pb2.Duration
    streaming: bool
    outcome: RequestRecord.Outcome
    error: _error_reason_pb2.ErrorReason
    provider: str
    model: str
    usage: _usage_pb2.Usage
    cost: _usage_pb2.Cost
    route: _route_pb2.Route
    replayed: bool
    request_bytes: int
    response_bytes: int
    def __init__(self, request_id: _Optional[str] = ..., response_id: _Optional[str] = ..., method: _Optional[str] = ..., door: _Optional[str] = ..., tenant: _Optional[str] = ..., key_id: _Optional[str] = ..., key_label: _Optional[str] = ..., user: _Optional[str] = ..., conversation_id: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., time_to_first_token: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., overhead_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., streaming: _Optional[bool] = ..., outcome: _Optional[_Union[RequestRecord.Outcome, str]] = ..., error: _Optional[_Union[_error_reason_pb2.ErrorReason, str]] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., usage: _Optional[_Union[_usage_pb2.Usage, _Mapping]] = ..., cost: _Optional[_Union[_usage_pb2.Cost, _Mapping]] = ..., route: _Optional[_Union[_route_pb2.Route, _Mapping]] = ..., replayed: _Optional[bool] = ..., request_bytes: _Optional[int] = ..., response_bytes: _Optional[int] = ...) -> None: ...
