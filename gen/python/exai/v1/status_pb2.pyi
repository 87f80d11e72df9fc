import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HealthState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HEALTH_STATE_UNSPECIFIED: _ClassVar[HealthState]
    HEALTH_STATE_HEALTHY: _ClassVar[HealthState]
    HEALTH_STATE_DEGRADED: _ClassVar[HealthState]
    HEALTH_STATE_UNHEALTHY: _ClassVar[HealthState]
HEALTH_STATE_UNSPECIFIED: HealthState
HEALTH_STATE_HEALTHY: HealthState
HEALTH_STATE_DEGRADED: HealthState
HEALTH_STATE_UNHEALTHY: HealthState

class Status(_message.Message):
    __slots__ = ("state", "components", "providers", "circuits", "stores", "backlog", "config_version", "version", "instance", "uptime", "update_time", "draining")
    STATE_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    CIRCUITS_FIELD_NUMBER: _ClassVar[int]
    STORES_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    CONFIG_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    state: HealthState
    components: _containers.RepeatedCompositeFieldContainer[ComponentStatus]
    providers: _containers.RepeatedCompositeFieldContainer[ProviderStatus]
    circuits: _containers.RepeatedCompositeFieldContainer[Circuit]
    stores: _containers.RepeatedCompositeFieldContainer[StoreStatus]
    backlog: Backlog
    config_version: int
    version: str
    instance: str
    uptime: _duration_pb2.Duration
    update_time: _timestamp_pb2.Timestamp
    draining: bool
    def __init__(self, state: _Optional[_Union[HealthState, str]] = ..., components: _Optional[_Iterable[_Union[ComponentStatus, _Mapping]]] = ..., providers: _Optional[_Iterable[_Union[ProviderStatus, _Mapping]]] = ..., circuits: _Optional[_Iterable[_Union[Circuit, _Mapping]]] = ..., stores: _Optional[_Iterable[_Union[StoreStatus, _Mapping]]] = ..., backlog: _Optional[_Union[Backlog, _Mapping]] = ..., config_version: _Optional[int] = ..., version: _Optional[str] = ..., instance: _Optional[str] = ..., uptime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., draining: _Optional[bool] = ...) -> None: ...

class ComponentStatus(_message.Message):
    __slots__ = ("name", "state", "detail", "change_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: HealthState
    detail: str
    change_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[HealthState, str]] = ..., detail: _Optional[str] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ProviderStatus(_message.Message):
    __slots__ = ("provider", "state", "detail", "change_time", "keys")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    provider: str
    state: HealthState
    detail: str
    change_time: _timestamp_pb2.Timestamp
    keys: _containers.RepeatedCompositeFieldContainer[ProviderKeyStatus]
    def __init__(self, provider: _Optional[str] = ..., state: _Optional[_Union[HealthState, str]] = ..., detail: _Optional[str] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., keys: _Optional[_Iterable[_Union[ProviderKeyStatus, _Mapping]]] = ...) -> None: ...

class ProviderKeyStatus(_message.Message):
    __slots__ = ("label", "state", "cool_down_until_time", "detail")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[ProviderKeyStatus.State]
        STATE_READY: _ClassVar[ProviderKeyStatus.State]
        STATE_COOLING_DOWN: _ClassVar[ProviderKeyStatus.State]
        STATE_REFUSED: _ClassVar[ProviderKeyStatus.State]
    STATE_UNSPECIFIED: ProviderKeyStatus.State
    STATE_READY: ProviderKeyStatus.State
    STATE_COOLING_DOWN: ProviderKeyStatus.State
    STATE_REFUSED: ProviderKeyStatus.State
    LABEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COOL_DOWN_UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    label: str
    state: ProviderKeyStatus.State
    cool_down_until_time: _timestamp_pb2.Timestamp
    detail: str
    def __init__(self, label: _Optional[str] = ..., state: _Optional[_Union[ProviderKeyStatus.State, str]] = ..., cool_down_until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., detail: _Optional[str] = ...) -> None: ...

class Circuit(_message.Message):
    __slots__ = ("provider", "model", "state", "change_time", "reason", "failure_ratio", "call_count", "probe_time", "held")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Circuit.State]
        STATE_CLOSED: _ClassVar[Circuit.State]
        STATE_OPEN: _ClassVar[Circuit.State]
        STATE_HALF_OPEN: _ClassVar[Circuit.State]
    STATE_UNSPECIFIED: Circuit.State
    STATE_CLOSED: Circuit.State
    STATE_OPEN: Circuit.State
    STATE_HALF_OPEN: Circuit.State
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FAILURE_RATIO_FIELD_NUMBER: _ClassVar[int]
    CALL_COUNT_FIELD_NUMBER: _ClassVar[int]
    PROBE_TIME_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    provider: str
    model: str
    state: Circuit.State
    change_time: _timestamp_pb2.Timestamp
    reason: str
    failure_ratio: float
    call_count: int
    probe_time: _timestamp_pb2.Timestamp
    held: bool
    def __init__(self, provider: _Optional[str] = ..., model: _Optional[str] = ..., state: _Optional[_Union[Circuit.State, str]] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., failure_ratio: _Optional[float] = ..., call_count: _Optional[int] = ..., probe_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., held: _Optional[bool] = ...) -> None: ...

class StoreStatus(_message.Message):
    __slots__ = ("name", "state", "detail", "change_time", "free_bytes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CHANGE_TIME_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: HealthState
    detail: str
    change_time: _timestamp_pb2.Timestamp
    free_bytes: int
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[HealthState, str]] = ..., detail: _Optional[str] = ..., change_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., free_bytes: _Optional[int] = ...) -> None: ...

class Backlog(_message.Message):
    __slots__ = ("row_count", "oldest_age_duration", "dead_letter_count", "shed_event_count")
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    OLDEST_AGE_DURATION_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTER_COUNT_FIELD_NUMBER: _ClassVar[int]
    SHED_EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    row_count: int
    oldest_age_duration: _duration_pb2.Duration
    dead_letter_count: int
    shed_event_count: int
    def __init__(self, row_count: _Optional[int] = ..., oldest_age_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., dead_letter_count: _Optional[int] = ..., shed_event_count: _Optional[int] = ...) -> None: ...
