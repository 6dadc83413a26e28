"""airunner's job service on the Connect protocol's own implementation for Python.

It answers as the service does in its published source: `invalid_argument` for whatever went wrong, a limit for each event,
and nothing kept of a request that failed. What it takes is printed, a line of JSON for each event.
Arguments: the port. It knows the tokens `token-<job>`; of the job `gone` it says that it is not there.
"""

import json
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from connectrpc.code import Code
from connectrpc.compat import google_protobuf_codecs
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.server import ConnectWSGIApplication, EndpointSync
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

LIMIT = 350 * 1024
SERVICE = "job.v1.JobEventsService"
Field = descriptor_pb2.FieldDescriptorProto


def messages():
    """The service's messages, as far as they matter here: unknown fields of an event are kept by protobuf itself."""
    file = descriptor_pb2.FileDescriptorProto(name="job.proto", package="job.v1", syntax="proto3")
    event = file.message_type.add(name="JobEvent")
    event.field.add(name="sequence", number=1, type=Field.TYPE_INT64, label=Field.LABEL_OPTIONAL)
    event.field.add(name="event_type", number=3, type=Field.TYPE_INT32, label=Field.LABEL_OPTIONAL)
    request = file.message_type.add(name="PublishJobEventsRequest")
    request.field.add(name="task_token", number=1, type=Field.TYPE_STRING, label=Field.LABEL_OPTIONAL)
    request.field.add(
        name="events", number=2, type=Field.TYPE_MESSAGE, label=Field.LABEL_REPEATED, type_name=".job.v1.JobEvent"
    )
    file.message_type.add(name="PublishJobEventsResponse")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"job.v1.{name}"))
        for name in ("PublishJobEventsRequest", "PublishJobEventsResponse")
    ]


REQUEST, RESPONSE = messages()


LOCK = threading.Lock()


def say(line):
    """One line, whoever else is saying one."""
    with LOCK:
        print(json.dumps(line), flush=True)


def refuse(message):
    return ConnectError(Code.INVALID_ARGUMENT, message)


def publish(requests, context):
    if context.request_headers.get("authorization") != "Bearer jwt":
        raise ConnectError(Code.UNAUTHENTICATED, "invalid token")
    for request in requests:
        if not request.task_token.startswith("token-"):
            raise refuse("invalid task token")
        job = request.task_token.removeprefix("token-")
        if job == "gone":
            raise refuse("job not found")
        for event in request.events:
            size = event.ByteSize()
            if size > LIMIT:
                raise refuse(f"event too large: event size={size} exceeds limit={LIMIT}")
        for event in request.events:
            line = {"job": job, "sequence": event.sequence, "event_type": event.event_type, "size": event.ByteSize()}
            say(line)
    return RESPONSE()


class Application(ConnectWSGIApplication):
    path = f"/{SERVICE}"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


METHOD = MethodInfo(
    name="PublishJobEvents",
    service_name=SERVICE,
    input=REQUEST,
    output=RESPONSE,
    idempotency_level=IdempotencyLevel.UNKNOWN,
    stream_type=StreamType.CLIENT_STREAM,
)
ENDPOINTS = {f"/{SERVICE}/PublishJobEvents": EndpointSync.client_stream(method=METHOD, function=publish)}
APPLICATION = Application(endpoints=ENDPOINTS, codecs=google_protobuf_codecs())

with make_server("127.0.0.1", int(sys.argv[1]), APPLICATION, Server, Quiet) as server:
    say({"port": server.server_port})
    server.serve_forever()
