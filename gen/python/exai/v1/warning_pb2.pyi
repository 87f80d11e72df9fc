from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Warning(_message.Message):
    __slots__ = ("reason", "field", "message")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[Warning.Reason]
        REASON_DROPPED: _ClassVar[Warning.Reason]
        REASON_CLAMPED: _ClassVar[Warning.Reason]
        REASON_CHANGED: _ClassVar[Warning.Reason]
        REASON_SCHEMA_EMULATED: _ClassVar[Warning.Reason]
        REASON_HISTORY_TRIMMED: _ClassVar[Warning.Reason]
        REASON_NOTICE: _ClassVar[Warning.Reason]
    REASON_UNSPECIFIED: Warning.Reason
    REASON_DROPPED: Warning.Reason
    REASON_CLAMPED: Warning.Reason
    REASON_CHANGED: Warning.Reason
    REASON_SCHEMA_EMULATED: Warning.Reason
    REASON_HISTORY_TRIMMED: Warning.Reason
    REASON_NOTICE: Warning.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: Warning.Reason
    field: str
    message: str
    def __init__(self, reason: _Optional[_Union[Warning.Reason, str]] = ..., field: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
