"""`make api-docs`: docs/api.md, made from the comments of the contracts in protos/."""

import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from grpc_tools import protoc  # type: ignore[import-untyped]

from marketplace.permissions import PERMISSIONS

ROOT: Final = Path(__file__).parents[1]
_FIRST: Final = ("ad_server", "feedback_handler", "campaign_manager")  # what most readers look for
_PACKAGE: Final = "adplatform.v1"
_INTRODUCTION: Final = """# The API

<!-- Made from protos/adplatform/v1 by `make api-docs`: edit the comments there. -->

gRPC, package `adplatform.v1`. Times are UTC; money is an integer number of nanos (1e-9) of the account currency. Every
call wants a deadline. Where the servers ask for an identity (`AUTH=tokens`), each call carries
`authorization: Bearer TOKEN` over TLS; *Callers* names the roles that a token needs. An error is a `google.rpc.Status`
whose details hold a `google.rpc.ErrorInfo` with the reason, for INVALID_ARGUMENT a `google.rpc.BadRequest` with the
field, and for RESOURCE_EXHAUSTED a `google.rpc.RetryInfo`; the message of a stream carries the same for one request of
many. What an app does about each reason, and programs in four languages, are in [clients/](../clients/README.md).
"""

# Field numbers in descriptor.proto, of which the paths of comments are made.
_SYNTAX, _MESSAGES, _ENUMS, _SERVICES = 12, 4, 5, 6
_FIELDS = _METHODS = _VALUES = 2
_TYPES: Final = {number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()}


def described(protos: Path) -> FileDescriptorSet:
    """Compiles the contracts with their comments. Raises ValueError for what does not compile."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "protos.binpb"
        others = sorted({path.stem for path in protos.glob("adplatform/v1/*.proto")} - set(_FIRST))
        paths = [f"adplatform/v1/{name}.proto" for name in (*_FIRST, *others)]
        include = [f"-I{protos}", f"-I{files('grpc_tools') / '_proto'}"]
        if protoc.main(["protoc", *include, "--include_source_info", f"--descriptor_set_out={out}", *paths]):
            raise ValueError(f"{protos} does not compile")
        found = FileDescriptorSet.FromString(out.read_bytes())
    return FileDescriptorSet(file=sorted(found.file, key=lambda file: paths.index(file.name)))


def reference(contracts: FileDescriptorSet) -> str:
    """Returns the page, in Markdown."""
    return (
        "\n\n".join([_INTRODUCTION.rstrip(), *(part for file in contracts.file for part in _Page(file).parts())]) + "\n"
    )


class _Page:
    """The part of one contract."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._comments = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}

    def parts(self) -> Iterator[str]:
        name = self._file.name.rpartition("/")[2]
        yield f"## {name}"
        yield self._comment(_SYNTAX)
        for number, service in enumerate(self._file.service):
            yield from self._service(service, (_SERVICES, number))
        for number, message in enumerate(self._file.message_type):
            yield from self._message(message, (_MESSAGES, number))
        for number, enum in enumerate(self._file.enum_type):
            yield from self._enum(enum, (_ENUMS, number))

    def _service(self, service: ServiceDescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
        yield f"### service {service.name}"
        yield self._comment(*path)
        for number, method in enumerate(service.method):
            yield f"#### {service.name}.{method.name}"
            yield f"{_taken(method)} → {_returned(method)}"
            yield self._comment(*path, _METHODS, number)
            if roles := PERMISSIONS.get(f"/{_PACKAGE}.{service.name}/{method.name}"):
                yield f"Callers: {', '.join(sorted(role for role in roles if role))}."

    def _message(self, message: DescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
        yield f"### {message.name}"
        yield self._comment(*path)
        rows = [
            f"| {field.number} | `{field.name}` | {_type(field, message)} | {self._line(*path, _FIELDS, number)} |"
            for number, field in enumerate(message.field)
        ]
        if rows:
            yield "\n".join(["| | field | type | |", "| --- | --- | --- | --- |", *rows])

    def _enum(self, enum: EnumDescriptorProto, path: tuple[int, ...]) -> Iterator[str]:
        yield f"### {enum.name}"
        yield self._comment(*path)
        rows = [
            f"| {value.number} | `{value.name}` | {self._line(*path, _VALUES, number)} |"
            for number, value in enumerate(enum.value)
        ]
        yield "\n".join(["| | value | |", "| --- | --- | --- |", *rows])

    def _comment(self, *path: int) -> str:
        return "\n".join(line.strip() for line in self._comments.get(path, "").splitlines())

    def _line(self, *path: int) -> str:
        return " ".join(self._comments.get(path, "").split()).replace("|", "\\|")


def _taken(method: MethodDescriptorProto) -> str:
    return _streamed(method.client_streaming, method.input_type)


def _returned(method: MethodDescriptorProto) -> str:
    return _streamed(method.server_streaming, method.output_type)


def _streamed(many: bool, name: str) -> str:
    return f"{'stream of ' if many else ''}{_link(name)}"


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    name = _link(field.type_name) if field.type_name else _TYPES[field.type]
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    if field.proto3_optional:
        return f"optional {name}"
    if field.HasField("oneof_index"):
        return f"one of `{message.oneof_decl[field.oneof_index].name}`: {name}"
    return name


def _link(full_name: str) -> str:
    """Links to a message or enum of ours; others are only named."""
    package, _, name = full_name.lstrip(".").rpartition(".")
    return f"[{name}](#{name.lower()})" if package == _PACKAGE else f"`{package}.{name}`"


if __name__ == "__main__":
    sys.stdout.write(reference(described(ROOT / "protos")))
