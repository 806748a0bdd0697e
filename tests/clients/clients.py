"""The clients that people use, each behind the same function: call a method, get code, reason and message back."""

import base64
import json
import subprocess
from dataclasses import dataclass

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from veza.auth.v1 import auth_service_pb2, auth_service_pb2_grpc
from veza.chat.v1 import chat_service_pb2, chat_service_pb2_grpc

AUTH = "veza.auth.v1.AuthService"
CHAT = "veza.chat.v1.ChatService"

TIMEOUT_SECONDS = 30


@dataclass
class Reply:
    """An answer: its code in upper case, the reason of a failure, and the message as JSON."""

    code: str
    reason: str = ""
    body: dict | None = None


def run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )


def reason_in(details: list[dict]) -> str:
    return next((detail["reason"] for detail in details if "reason" in detail), "")


class BufCurl:
    """`buf curl`, which learns the methods by reflection."""

    def __init__(self, address: str, protocol: str):
        self.name = f"buf curl ({protocol})"
        self.address, self.protocol = address, protocol

    def call(self, method: str, request: dict, token: str = "") -> Reply:
        command = ["buf", "curl", "--reflect", "--http2-prior-knowledge"]
        command += ["--protocol", self.protocol, "--data", json.dumps(request)]
        command += ["--header", f"authorization: Bearer {token}"] if token else []
        done = run([*command, f"http://{self.address}/{method}"])
        if done.returncode == 0:
            return Reply("OK", body=json.loads(done.stdout))
        try:
            error = json.loads(done.stderr)
        except ValueError:
            return Reply(done.stderr.strip())
        return Reply(error["code"].upper(), self.reason(error.get("details", [])))

    @staticmethod
    def reason(details: list[dict]) -> str:
        info = error_details_pb2.ErrorInfo()
        for detail in details:
            if detail["type"] == info.DESCRIPTOR.full_name:
                # The padding is left out, and more of it than is needed does no harm.
                info.ParseFromString(base64.b64decode(detail["value"] + "=="))
        return info.reason


class Grpcurl:
    """`grpcurl`, which learns the methods by reflection."""

    name = "grpcurl"

    def __init__(self, address: str):
        self.address = address

    def call(self, method: str, request: dict, token: str = "") -> Reply:
        command = ["grpcurl", "-plaintext", "-format-error", "-d", json.dumps(request)]
        command += ["-H", f"authorization: Bearer {token}"] if token else []
        done = run([*command, self.address, method])
        if done.returncode == 0:
            return Reply("OK", body=json.loads(done.stdout))
        try:
            error = json.loads(done.stderr)
        except ValueError:
            return Reply(done.stderr.strip())
        code = next(code for code in grpc.StatusCode if code.value[0] == error["code"])
        return Reply(code.name, reason_in(error.get("details", [])))


class Curl:
    """curl on the REST routes."""

    ROUTES = {
        f"{AUTH}/Register": ("POST", "/api/v1/auth/register", "", "result"),
        f"{AUTH}/Login": ("POST", "/api/v1/auth/login", "", "result"),
        f"{CHAT}/CreateRoom": ("POST", "/api/v1/rooms", "room", "room"),
        f"{CHAT}/GetRoom": ("GET", "/api/v1/rooms/{id}", "", "room"),
        f"{CHAT}/ListRooms": ("GET", "/api/v1/rooms", "", ""),
    }

    def __init__(self, address: str, version: str):
        self.name = f"curl {version}"
        self.address, self.version = address, version

    def call(self, method: str, request: dict, token: str = "") -> Reply:
        verb, path, body, response_body = self.ROUTES[method]
        url = f"http://{self.address}{path.format(**request)}"
        command = ["curl", "--silent", "--show-error", self.version, "--request", verb, url]
        command += ["--header", f"authorization: Bearer {token}"] if token else []
        if verb == "POST":
            content = json.dumps(request.get(body, request))
            command += ["--header", "content-type: application/json", "--data", content]
        done = run(command)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            return Reply(done.stderr.strip() or done.stdout.strip())
        if "error" in answer:
            error = answer["error"]
            return Reply(error["status"], reason_in(error["details"]))
        return Reply("OK", body={response_body: answer} if response_body else answer)


class PythonGrpc:
    """grpcio with stubs that were generated from the contract."""

    name = "grpcio"
    STUBS = {
        AUTH: (auth_service_pb2, auth_service_pb2_grpc.AuthServiceStub),
        CHAT: (chat_service_pb2, chat_service_pb2_grpc.ChatServiceStub),
    }

    def __init__(self, address: str):
        self.channel = grpc.insecure_channel(address)

    def call(self, method: str, request: dict, token: str = "") -> Reply:
        service, name = method.split("/")
        messages, stub = self.STUBS[service]
        message = json_format.ParseDict(request, getattr(messages, f"{name}Request")())
        metadata = [("authorization", f"Bearer {token}")] if token else []
        try:
            rpc = getattr(stub(self.channel), name)
            answer = rpc(message, metadata=metadata, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return Reply(error.code().name, self.reason(error))
        return Reply("OK", body=json_format.MessageToDict(answer))

    @staticmethod
    def reason(error: grpc.RpcError) -> str:
        status = rpc_status.from_call(error)
        info = error_details_pb2.ErrorInfo()
        for detail in status.details if status else []:
            if detail.Unpack(info):
                return info.reason
        return ""


def every_client(address: str) -> list:
    return [
        BufCurl(address, "grpc"),
        BufCurl(address, "grpcweb"),
        Grpcurl(address),
        PythonGrpc(address),
        Curl(address, "--http1.1"),
        Curl(address, "--http2-prior-knowledge"),
    ]
