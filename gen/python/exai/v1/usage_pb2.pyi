from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Usage(_message.Message):
    __slots__ = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "provenance", "cache_write_tokens")
    class Provenance(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PROVENANCE_UNSPECIFIED: _ClassVar[Usage.Provenance]
        PROVENANCE_REPORTED: _ClassVar[Usage.Provenance]
        PROVENANCE_PARTIAL: _ClassVar[Usage.Provenance]
        PROVENANCE_ESTIMATED: _ClassVar[Usage.Provenance]
    PROVENANCE_UNSPECIFIED: Usage.Provenance
    PROVENANCE_REPORTED: Usage.Provenance
    PROVENANCE_PARTIAL: Usage.Provenance
    PROVENANCE_ESTIMATED: Usage.Provenance
    INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CACHED_INPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REASONING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    CACHE_WRITE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    provenance: Usage.Provenance
    cache_write_tokens: int
    def __init__(self, input_tokens: _Optional[int] = ..., cached_input_tokens: _Optional[int] = ..., output_tokens: _Optional[int] = ..., reasoning_tokens: _Optional[int] = ..., provenance: _Optional[_Union[Usage.Provenance, str]] = ..., cache_write_tokens: _Optional[int] = ...) -> None: ...

class Cost(_message.Message):
    __slots__ = ("nano_usd", "lines", "price_version", "known")
    NANO_USD_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    PRICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    nano_usd: int
    lines: _containers.RepeatedCompositeFieldContainer[CostLine]
    price_version: str
    known: bool
    def __init__(self, nano_usd: _Optional[int] = ..., lines: _Optional[_Iterable[_Union[CostLine, _Mapping]]] = ..., price_version: _Optional[str] = ..., known: _Optional[bool] = ...) -> None: ...

class CostLine(_message.Message):
    __slots__ = ("bucket", "quantity", "nano_usd_per_million", "nano_usd", "provider", "model", "cause")
    BUCKET_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    NANO_USD_PER_MILLION_FIELD_NUMBER: _ClassVar[int]
    NANO_USD_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    bucket: str
    quantity: int
    nano_usd_per_million: int
    nano_usd: int
    provider: str
    model: str
    cause: str
    def __init__(self, bucket: _Optional[str] = ..., quantity: _Optional[int] = ..., nano_usd_per_million: _Optional[int] = ..., nano_usd: _Optional[int] = ..., provider: _Optional[str] = ..., model: _Optional[str] = ..., cause: _Optional[str] = ...) -> None: ...
