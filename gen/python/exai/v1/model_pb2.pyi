import datetime

from exai.v1 import chat_pb2 as _chat_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Model(_message.Message):
    __slots__ = ("id", "provider", "aliases", "description", "context_window_tokens", "max_input_tokens", "max_output_tokens", "input_modalities", "output_modalities", "tools", "structured_output", "reasoning", "reasoning_efforts", "price", "shutdown_time", "unroutable_reason", "lifecycle")
    class StructuredOutput(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STRUCTURED_OUTPUT_UNSPECIFIED: _ClassVar[Model.StructuredOutput]
        STRUCTURED_OUTPUT_JSON: _ClassVar[Model.StructuredOutput]
        STRUCTURED_OUTPUT_JSON_SCHEMA: _ClassVar[Model.StructuredOutput]
    STRUCTURED_OUTPUT_UNSPECIFIED: Model.StructuredOutput
    STRUCTURED_OUTPUT_JSON: Model.StructuredOutput
    STRUCTURED_OUTPUT_JSON_SCHEMA: Model.StructuredOutput
    class ReasoningMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASONING_MODE_UNSPECIFIED: _ClassVar[Model.ReasoningMode]
        REASONING_MODE_NEVER: _ClassVar[Model.ReasoningMode]
        REASONING_MODE_OPTIONAL: _ClassVar[Model.ReasoningMode]
        REASONING_MODE_ALWAYS: _ClassVar[Model.ReasoningMode]
    REASONING_MODE_UNSPECIFIED: Model.ReasoningMode
    REASONING_MODE_NEVER: Model.ReasoningMode
    REASONING_MODE_OPTIONAL: Model.ReasoningMode
    REASONING_MODE_ALWAYS: Model.ReasoningMode
    ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_WINDOW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_MODALITIES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_MODALITIES_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    STRUCTURED_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    REASONING_FIELD_NUMBER: _ClassVar[int]
    REASONING_EFFORTS_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SHUTDOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    UNROUTABLE_REASON_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    id: str
    provider: str
    aliases: _containers.RepeatedScalarFieldContainer[str]
    description: str
    context_window_tokens: int
    max_input_tokens: int
    max_output_tokens: int
    input_modalities: _containers.RepeatedScalarFieldContainer[str]
    output_modalities: _containers.RepeatedScalarFieldContainer[str]
    tools: bool
    structured_output: Model.StructuredOutput
    reasoning: Model.ReasoningMode
    reasoning_efforts: _containers.RepeatedScalarFieldContainer[_chat_pb2.ReasoningEffort]
    price: Price
    shutdown_time: _timestamp_pb2.Timestamp
    unroutable_reason: str
    lifecycle: str
    def __init__(self, id: _Optional[str] = ..., provider: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., description: _Optional[str] = ..., context_window_tokens: _Optional[int] = ..., max_input_tokens: _Optional[int] = ..., max_output_tokens: _Optional[int] = ..., input_modalities: _Optional[_Iterable[str]] = ..., output_modalities: _Optional[_Iterable[str]] = ..., tools: _Optional[bool] = ..., structured_output: _Optional[_Union[Model.StructuredOutput, str]] = ..., reasoning: _Optional[_Union[Model.ReasoningMode, str]] = ..., reasoning_efforts: _Optional[_Iterable[_Union[_chat_pb2.ReasoningEffort, str]]] = ..., price: _Optional[_Union[Price, _Mapping]] = ..., shutdown_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., unroutable_reason: _Optional[str] = ..., lifecycle: _Optional[str] = ...) -> None: ...

class Price(_message.Message):
    __slots__ = ("input_nano_usd_per_million", "cached_input_nano_usd_per_million", "cache_write_nano_usd_per_million", "output_nano_usd_per_million", "tiers", "price_version")
    INPUT_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    TIERS_FIELD_NUMBER: _ClassVar[int]
    PRICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    input_nano_usd_per_million: int
    cached_input_nano_usd_per_million: int
    cache_write_nano_usd_per_million: int
    output_nano_usd_per_million: int
    tiers: _containers.RepeatedCompositeFieldContainer[PriceTier]
    price_version: str
    def __init__(self, input_nano_usd_per_million: _Optional[int] = ..., cached_input_nano_usd_per_million: _Optional[int] = ..., cache_write_nano_usd_per_million: _Optional[int] = ..., output_nano_usd_per_million: _Optional[int] = ..., tiers: _Optional[_Iterable[_Union[PriceTier, _Mapping]]] = ..., price_version: _Optional[str] = ...) -> None: ...

class PriceTier(_message.Message):
    __slots__ = ("above_input_tokens", "input_nano_usd_per_million", "cached_input_nano_usd_per_million", "cache_write_nano_usd_per_million", "output_nano_usd_per_million")
    ABOVE_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    INPUT_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    above_input_tokens: int
    input_nano_usd_per_million: int
    cached_input_nano_usd_per_million: int
    cache_write_nano_usd_per_million: int
    output_nano_usd_per_million: int
    def __init__(self, above_input_tokens: _Optional[int] = ..., input_nano_usd_per_million: _Optional[int] = ..., cached_input_nano_usd_per_million: _Optional[int] = ..., cache_write_nano_usd_per_million: _Optional[int] = ..., output_nano_usd_per_million: _Optional[int] = ...) -> None: ...
