import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_CHAT: _ClassVar[Scope]
    SCOPE_FILES: _ClassVar[Scope]
    SCOPE_MONITORING: _ClassVar[Scope]
    SCOPE_ADMIN: _ClassVar[Scope]
SCOPE_UNSPECIFIED: Scope
SCOPE_CHAT: Scope
SCOPE_FILES: Scope
SCOPE_MONITORING: Scope
SCOPE_ADMIN: Scope

class Key(_message.Message):
    __slots__ = ("id", "label", "tenant", "scopes", "state", "secret_prefix", "limits", "policy", "create_time", "expire_time", "rotate_time", "revoke_time", "last_use_time")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Key.State]
        STATE_ACTIVE: _ClassVar[Key.State]
        STATE_EXPIRED: _ClassVar[Key.State]
        STATE_REVOKED: _ClassVar[Key.State]
    STATE_UNSPECIFIED: Key.State
    STATE_ACTIVE: Key.State
    STATE_EXPIRED: Key.State
    STATE_REVOKED: Key.State
    ID_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SECRET_PREFIX_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ROTATE_TIME_FIELD_NUMBER: _ClassVar[int]
    REVOKE_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_USE_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    label: str
    tenant: str
    scopes: _containers.RepeatedScalarFieldContainer[Scope]
    state: Key.State
    secret_prefix: str
    limits: _containers.RepeatedCompositeFieldContainer[Limit]
    policy: Policy
    create_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    rotate_time: _timestamp_pb2.Timestamp
    revoke_time: _timestamp_pb2.Timestamp
    last_use_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., label: _Optional[str] = ..., tenant: _Optional[str] = ..., scopes: _Optional[_Iterable[_Union[Scope, str]]] = ..., state: _Optional[_Union[Key.State, str]] = ..., secret_prefix: _Optional[str] = ..., limits: _Optional[_Iterable[_Union[Limit, _Mapping]]] = ..., policy: _Optional[_Union[Policy, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rotate_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., revoke_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_use_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Limit(_message.Message):
    __slots__ = ("kind", "value", "model", "outage_policy")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[Limit.Kind]
        KIND_REQUESTS_PER_MINUTE: _ClassVar[Limit.Kind]
        KIND_TOKENS_PER_MINUTE: _ClassVar[Limit.Kind]
        KIND_CONCURRENT_CALLS: _ClassVar[Limit.Kind]
        KIND_DAY_BUDGET: _ClassVar[Limit.Kind]
        KIND_MONTH_BUDGET: _ClassVar[Limit.Kind]
        KIND_STORED_BYTES: _ClassVar[Limit.Kind]
    KIND_UNSPECIFIED: Limit.Kind
    KIND_REQUESTS_PER_MINUTE: Limit.Kind
    KIND_TOKENS_PER_MINUTE: Limit.Kind
    KIND_CONCURRENT_CALLS: Limit.Kind
    KIND_DAY_BUDGET: Limit.Kind
    KIND_MONTH_BUDGET: Limit.Kind
    KIND_STORED_BYTES: Limit.Kind
    class OutagePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTAGE_POLICY_UNSPECIFIED: _ClassVar[Limit.OutagePolicy]
        OUTAGE_POLICY_ALLOW: _ClassVar[Limit.OutagePolicy]
        OUTAGE_POLICY_SHARE: _ClassVar[Limit.OutagePolicy]
        OUTAGE_POLICY_DENY: _ClassVar[Limit.OutagePolicy]
    OUTAGE_POLICY_UNSPECIFIED: Limit.OutagePolicy
    OUTAGE_POLICY_ALLOW: Limit.OutagePolicy
    OUTAGE_POLICY_SHARE: Limit.OutagePolicy
    OUTAGE_POLICY_DENY: Limit.OutagePolicy
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OUTAGE_POLICY_FIELD_NUMBER: _ClassVar[int]
    kind: Limit.Kind
    value: int
    model: str
    outage_policy: Limit.OutagePolicy
    def __init__(self, kind: _Optional[_Union[Limit.Kind, str]] = ..., value: _Optional[int] = ..., model: _Optional[str] = ..., outage_policy: _Optional[_Union[Limit.OutagePolicy, str]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("allowed_models", "denied_models", "allowed_tools", "denied_tools", "max_prompt_tokens")
    ALLOWED_MODELS_FIELD_NUMBER: _ClassVar[int]
    DENIED_MODELS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    DENIED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    MAX_PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    allowed_models: _containers.RepeatedScalarFieldContainer[str]
    denied_models: _containers.RepeatedScalarFieldContainer[str]
    allowed_tools: _containers.RepeatedScalarFieldContainer[str]
    denied_tools: _containers.RepeatedScalarFieldContainer[str]
    max_prompt_tokens: int
    def __init__(self, allowed_models: _Optional[_Iterable[str]] = ..., denied_models: _Optional[_Iterable[str]] = ..., allowed_tools: _Optional[_Iterable[str]] = ..., denied_tools: _Optional[_Iterable[str]] = ..., max_prompt_tokens: _Optional[int] = ...) -> None: ...
