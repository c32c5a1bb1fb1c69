"""moto as AWS for the tests: its server, with stacks that create their resources, and a record of the calls.

Run: python moto_server.py PORT RECORD_FILE
"""

import io
import json
import os
import signal
import sys
import threading

PORT, RECORD = int(sys.argv[1]), sys.argv[2]
os.environ["MOTO_PORT"] = str(PORT)

from moto.athena.responses import AthenaResponse  # noqa: E402
from moto.core.exceptions import JsonRESTError  # noqa: E402
from moto.core.responses import ActionResult  # noqa: E402
from moto.glue.models import FakeCrawler  # noqa: E402
from moto.glue.responses import GlueResponse  # noqa: E402
from moto.iam.access_control import IAMPolicyStatement, PermissionResult  # noqa: E402
from moto.moto_api import state_manager  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from moto.s3.responses import S3Response  # noqa: E402
from werkzeug.serving import run_simple  # noqa: E402

import moto_change_sets  # noqa: E402, F401  (replaces moto's own, as moto_stacks does with its stacks)
import moto_schedule_types  # noqa: E402, F401
from moto_types import INTERNAL  # noqa: E402

# Glue actions that Trino may call but moto does not have: it would return 500, which SDKs retry.
GlueResponse.get_user_defined_functions = lambda self: ActionResult({"UserDefinedFunctions": []})
GlueResponse.get_column_statistics_for_table = lambda self: ActionResult({"ColumnStatisticsList": [], "Errors": []})
GlueResponse.get_column_statistics_for_partition = lambda self: ActionResult({"ColumnStatisticsList": [], "Errors": []})

get_work_group_of_moto = AthenaResponse.get_work_group


def get_work_group(response):
    """moto returns 200 and null for a missing workgroup."""
    if response.athena_backend.get_work_group(response._get_param("WorkGroup")) is None:
        raise JsonRESTError("InvalidRequestException", "WorkGroup is not found.")
    return get_work_group_of_moto(response)


AthenaResponse.get_work_group = get_work_group
permitted_by_moto = IAMPolicyStatement.is_action_permitted


def permitted(statement, *args, **kwargs):
    """moto denies even if the condition of a Deny is not met. Plain HTTP to this server counts as TLS, and this machine as
    the network of every endpoint."""
    condition = statement._statement.get("Condition", {})
    if condition == {"Bool": {"aws:SecureTransport": "false"}} or "aws:SourceVpce" in condition.get("StringNotEquals", {}):
        return PermissionResult.NEUTRAL
    return permitted_by_moto(statement, *args, **kwargs)


IAMPolicyStatement.is_action_permitted = permitted

write_lock = threading.RLock()


def in_turn(write):
    """S3 checks a write's condition and writes atomically. In moto, another write may come in between."""

    def locked(*args, **kwargs):
        with write_lock:
            return write(*args, **kwargs)

    return locked


S3Response.put_object = in_turn(S3Response.put_object)
S3Response._key_response_post = in_turn(S3Response._key_response_post)

def looked_at(as_dict):
    """A crawl progresses with each poll of its crawler, not with the clock, so that tests do not race with it."""

    def advanced(self):
        seen = as_dict(self)
        if self.crawls:
            self.crawls[-1].advance()
        return seen

    return advanced


FakeCrawler.as_dict = looked_at(FakeCrawler.as_dict)
# For how many polls a crawl is RUNNING. By default it would run until it is stopped.
state_manager.set_transition("glue::crawl", {"progression": "manual", "times": 1})


class Quiet(MotoRequestHandler):
    def log_request(self, *args):
        pass


class Recorder:
    """Writes a JSON line for each call: {method, path, query, target, body, status, …}. `stack` marks the calls with which
    a stack creates its resources."""

    def __init__(self, app):
        self.app, self.file = app, open(RECORD, "a", buffering=1)

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith("/moto-api"):
            return self.app(environ, start_response)
        kind, body = environ.get("CONTENT_TYPE", ""), ""
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isdigit() and ("json" in kind or "form-urlencoded" in kind):
            raw = environ["wsgi.input"].read(int(length))
            environ["wsgi.input"] = io.BytesIO(raw)
            body = raw.decode(errors="replace")

        def answer(status, headers, *rest):
            line = {
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "query": environ.get("QUERY_STRING", ""),
                "target": environ.get("HTTP_X_AMZ_TARGET", ""),
                "agent": environ.get("HTTP_USER_AGENT", ""),
                # Tests store secrets, which must not be in a file.
                "body": "" if "SecretString" in body else body,
                "stack": INTERNAL in environ.get("HTTP_USER_AGENT", ""),
                # Headers of S3.
                "owner": environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER", ""),
                "encryption": environ.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION", ""),
                "key": environ.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID", ""),
                "status": int(status.split()[0]),
            }
            self.file.write(json.dumps(line) + "\n")
            return start_response(status, headers, *rest)

        return self.app(environ, answer)


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
run_simple(
    "127.0.0.1", PORT, Recorder(DomainDispatcherApplication(create_backend_app)), threaded=True, request_handler=Quiet
)
