import datetime

from exai.v1 import error_reason_pb2 as _error_reason_pb2
from exai.v1 import event_pb2 as _event_pb2
from exai.v1 import status_pb2 as _status_pb2
from exai.v1 import usage_report_pb2 as _usage_report_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: _status_pb2.Status
    def __init__(self, status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class WatchStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: _status_pb2.Status
    def __init__(self, status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class WatchEventsRequest(_message.Message):
    __slots__ = ("kinds", "min_severity", "providers", "tenant", "sample_ratio")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MIN_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATIO_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[_event_pb2.EventKind]
    min_severity: _event_pb2.Severity
    providers: _containers.RepeatedScalarFieldContainer[str]
    tenant: str
    sample_ratio: float
    def __init__(self, kinds: _Optional[_Iterable[_Union[_event_pb2.EventKind, str]]] = ..., min_severity: _Optional[_Union[_event_pb2.Severity, str]] = ..., providers: _Optional[_Iterable[str]] = ..., tenant: _Optional[str] = ..., sample_ratio: _Optional[float] = ...) -> None: ...

class WatchEventsResponse(_message.Message):
    __slots__ = ("event", "dropped_count")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DROPPED_COUNT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.Event
    dropped_count: int
    def __init__(self, event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ..., dropped_count: _Optional[int] = ...) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("group_by", "start_time", "end_time", "models", "providers", "key_ids", "tenant", "page_size", "page_token")
    GROUP_BY_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    group_by: _containers.RepeatedScalarFieldContainer[_usage_report_pb2.UsageDimension]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    models: _containers.RepeatedScalarFieldContainer[str]
    providers: _containers.RepeatedScalarFieldContainer[str]
    key_ids: _containers.RepeatedScalarFieldContainer[str]
    tenant: str
    page_size: int
    page_token: str
    def __init__(self, group_by: _Optional[_Iterable[_Union[_usage_report_pb2.UsageDimension, str]]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., models: _Optional[_Iterable[str]] = ..., providers: _Optional[_Iterable[str]] = ..., key_ids: _Optional[_Iterable[str]] = ..., tenant: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("rows", "total", "start_time", "end_time", "next_page_token")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[_usage_report_pb2.UsageRow]
    total: _usage_report_pb2.UsageRow
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    next_page_token: str
    def __init__(self, rows: _Optional[_Iterable[_Union[_usage_report_pb2.UsageRow, _Mapping]]] = ..., total: _Optional[_Union[_usage_report_pb2.UsageRow, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListRequestsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "start_time", "end_time", "request_id", "response_id", "conversation_id", "tenant", "key_ids", "providers", "models", "outcomes", "errors", "min_duration")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_ID_FIELD_NUMBER: _ClassVar[int]
    CONVERSATION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    MIN_DURATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    request_id: str
    response_id: str
    conversation_id: str
    tenant: str
    key_ids: _containers.RepeatedScalarFieldContainer[str]
    providers: _containers.RepeatedScalarFieldContainer[str]
    models: _containers.RepeatedScalarFieldContainer[str]
    outcomes: _containers.RepeatedScalarFieldContainer[_event_pb2.RequestRecord.Outcome]
    errors: _containers.RepeatedScalarFieldContainer[_error_reason_pb2.ErrorReason]
    min_duration: _duration_pb2.Duration
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., request_id: _Optional[str] = ..., response_id: _Optional[str] = ..., conversation_id: _Optional[str] = ..., tenant: _Optional[str] = ..., key_ids: _Optional[_Iterable[str]] = ..., providers: _Optional[_Iterable[str]] = ..., models: _Optional[_Iterable[str]] = ..., outcomes: _Optional[_Iterable[_Union[_event_pb2.RequestRecord.Outcome, str]]] = ..., errors: _Optional[_Iterable[_Union[_error_reason_pb2.ErrorReason, str]]] = ..., min_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ListRequestsResponse(_message.Message):
    __slots__ = ("requests", "next_page_token")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[_event_pb2.RequestRecord]
    next_page_token: str
    def __init__(self, requests: _Optional[_Iterable[_Union[_event_pb2.RequestRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SetCircuitRequest(_message.Message):
    __slots__ = ("provider", "model", "action", "reason", "hold_duration")
    class Action(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACTION_UNSPECIFIED: _ClassVar[SetCircuitRequest.Action]
        ACTION_OPEN: _ClassVar[SetCircuitRequest.Action]
        ACTION_CLOSE: _ClassVar[SetCircuitRequest.Action]
        ACTION_RESET: _ClassVar[SetCircuitRequest.Action]
    ACTION_UNSPECIFIED: SetCircuitRequest.Action
    ACTION_OPEN: SetCircuitRequest.Action
    ACTION_CLOSE: SetCircuitRequest.Action
    ACTION_RESET: SetCircuitRequest.Action
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HOLD_DURATION_FIELD_NUMBER: _ClassVar[int]
    provider: str
    model: str
    action: SetCircuitRequest.Action
    reason: str
    hold_duration: _duration_pb2.Duration
    def __init__(self, provider: _Optional[str] = ..., model: _Optional[str] = ..., action: _Optional[_Union[SetCircuitRequest.Action, str]] = ..., reason: _Optional[str] = ..., hold_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class SetCircuitResponse(_message.Message):
    __slots__ = ("circuits",)
    CIRCUITS_FIELD_NUMBER: _ClassVar[int]
    circuits: _containers.RepeatedCompositeFieldContainer[_status_pb2.Circuit]
    def __init__(self, circuits: _Optional[_Iterable[_Union[_status_pb2.Circuit, _Mapping]]] = ...) -> None: ...
