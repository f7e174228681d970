"""Starts the emulation of AWS with what it gets wrong of AWS's documentation put right, as far as tests need it."""

import io
import json
import re
import struct
import sys
from fnmatch import fnmatchcase

import xmltodict
from flask import request
from moto.core.serialize import S3Serializer
from moto.iam.access_control import IAMPolicyStatement, IAMRequest, PermissionResult, S3IAMRequest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3.exceptions import BucketAccessDeniedError, S3AccessDeniedError
from moto.s3.models import s3_backends
from moto.s3.responses import ACTION_MAP, S3Response
from moto.s3.utils import compute_checksum
from moto.server import main

# Some answers have another root element than those of S3, which clients that read them strictly refuse.
ROOTS = {
    "GetBucketVersioningResponse": "VersioningConfiguration",
    "GetBucketLoggingResponse": "BucketLoggingStatus",
    "ListPartsResponse": "ListPartsResult",
}
plain_body = S3Serializer._serialize_body
S3Serializer._serialize_body = lambda self, body: plain_body(
    self, {ROOTS.get(key, key): value for key, value in body.items()}
)


# Rules of replication come back with their prefix.
plain_serialized = S3Response.serialized


def serialized(self, answer):
    found = answer.result.get("ReplicationConfiguration") if isinstance(answer.result, dict) else None
    if found and self.data.get("Action") == "GetBucketReplication":
        kept = self.backend.get_bucket_replication(self.bucket_name)["Rule"]
        for rule, stored in zip(found["Rules"], kept):
            rule["Filter"] = {"Prefix": (stored.get("Filter") or {}).get("Prefix") or ""}
    # Parts are listed with the checksum that the upload was begun with.
    if isinstance(answer.result, dict) and self.data.get("Action") == "ListParts":
        upload = self.backend.get_bucket(self.bucket_name).multiparts[answer.result["UploadId"]]
        if upload.metadata.get("x-amz-checksum-algorithm") == "CRC32":
            for part in answer.result["Parts"]:
                body = upload.parts[int(part["PartNumber"])].value
                part["ChecksumCRC32"] = compute_checksum(body, "CRC32").decode()
    return plain_serialized(self, answer)


S3Response.serialized = serialized


# A question mark stands for one character, and nothing else in a pattern is special but the star.
IAMPolicyStatement._match = staticmethod(
    lambda pattern, text: re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL)
)


# Reading and writing of these settings has permissions of its own; locks of objects have too.
ACTION_MAP["BUCKET"]["GET"] = {
    "encryption": "GetEncryptionConfiguration",
    "object-lock": "GetBucketObjectLockConfiguration",
    "replication": "GetReplicationConfiguration",
    "ownershipControls": "GetBucketOwnershipControls",
    "publicAccessBlock": "GetBucketPublicAccessBlock",
    **ACTION_MAP["BUCKET"]["GET"],
}
ACTION_MAP["BUCKET"]["PUT"] = {
    "encryption": "PutEncryptionConfiguration",
    "object-lock": "PutBucketObjectLockConfiguration",
    "replication": "PutReplicationConfiguration",
    "ownershipControls": "PutBucketOwnershipControls",
    "publicAccessBlock": "PutBucketPublicAccessBlock",
    **ACTION_MAP["BUCKET"]["PUT"],
}
ACTION_MAP["KEY"]["GET"] = {
    "retention": "GetObjectRetention",
    "legal-hold": "GetObjectLegalHold",
    **ACTION_MAP["KEY"]["GET"],
}
ACTION_MAP["KEY"]["PUT"] = {
    "retention": "PutObjectRetention",
    "legal-hold": "PutObjectLegalHold",
    **ACTION_MAP["KEY"]["PUT"],
}
# HeadBucket has no permission of its own.
ACTION_MAP["BUCKET"]["HEAD"] = {"DEFAULT": "ListBucket"}


# Conditions are judged, those that can be here: a statement whose condition does not hold says nothing. Of others it is
# not known what they are about, and they hold.
def holds(conditions):
    creates = (request.method == "PUT" and set(request.args) <= {"x-id"}) or (request.method == "POST" and "uploadId" in request.args)
    said = {
        "aws:SecureTransport": str(request.is_secure).lower(),
        "s3:ObjectCreationOperation": str(creates).lower(),
        "s3:if-none-match": request.headers.get("If-None-Match"),
        "s3:prefix": request.args.get("prefix"),
    }
    for operator, wanted in conditions.items():
        for key, values in wanted.items():
            if key not in said:
                continue
            found = str(said[key] is None).lower() if operator == "Null" else said[key]
            if found is None and operator.endswith("IfExists"):
                continue
            values = values if isinstance(values, list) else [values]
            if found is None or not any(fnmatchcase(found, str(value)) for value in values):
                return False
    return True


plain_permitted = IAMPolicyStatement.is_action_permitted


def is_action_permitted(self, action, resource="*", principal=None, incoming_condition_values=None):
    # Permissions of CloudWatch are called by the service, not by its host.
    action = action.replace("monitoring:", "cloudwatch:", 1)
    if principal is None and "Condition" in self._statement:
        if not holds(self._statement["Condition"]):
            return PermissionResult.NEUTRAL
        bare = {key: value for key, value in self._statement.items() if key != "Condition"}
        return plain_permitted(IAMPolicyStatement(bare), action, resource)
    return plain_permitted(self, action, resource, principal, incoming_condition_values)


IAMPolicyStatement.is_action_permitted = is_action_permitted

# Signatures are judged over the query as it came: a slash in it is encoded.
plain_signature = S3IAMRequest.check_signature


def check_signature(self):
    self._path = self._path.split("?")[0] + "?" + request.query_string.decode()
    plain_signature(self)


S3IAMRequest.check_signature = check_signature

# What a call of IAM or KMS is about is not known there: then the action alone counts.
plain_matches = IAMPolicyStatement._check_element_matches
IAMPolicyStatement._check_element_matches = lambda self, element, value: (
    (element == "Resource" and value == "*") or plain_matches(self, element, value)
)


# The retention of an object can be asked for alone.
plain_get = S3Response._key_response_get


def key_response_get(self, query, key_name):
    if "retention" not in query:
        return plain_get(self, query, key_name)
    self.data["Action"] = "GetObjectRetention"
    self._authenticate_and_authorize_s3_action(bucket_name=self.bucket_name, key_name=key_name)
    key = self.backend.get_object(self.bucket_name, key_name)
    if not self.backend.get_bucket(self.bucket_name).object_lock_enabled:
        return 400, {}, "<Error><Code>InvalidRequest</Code><Message>Bucket is missing it</Message></Error>"
    if key is None or not key.lock_mode:
        return 404, {}, "<Error><Code>NoSuchObjectLockConfiguration</Code><Message>none</Message></Error>"
    retention = f"<Mode>{key.lock_mode}</Mode><RetainUntilDate>{key.lock_until}</RetainUntilDate>"
    return 200, {}, f"<Retention>{retention}</Retention>"


S3Response._key_response_get = key_response_get


# Deleting many objects in one call takes the permission on each of them, and fails for each alone.
plain_delete = S3Response._bucket_response_delete_keys


def delete_keys(self, bucket_name, authenticated=True):
    objects = xmltodict.parse(self.body, strip_whitespace=False, force_list=("Object",))["Delete"]["Object"]
    allowed, denied = [], []
    for doomed in objects:
        self.data["Action"] = "DeleteObjectVersion" if doomed.get("VersionId") else "DeleteObject"
        try:
            self._authenticate_and_authorize_s3_action(bucket_name=bucket_name, key_name=doomed["Key"])
            allowed.append(doomed)
        except (BucketAccessDeniedError, S3AccessDeniedError):
            denied.append(doomed)
    if not denied:
        return plain_delete(self, bucket_name)
    self.body = xmltodict.unparse({"Delete": {"Object": denied}})
    refused = plain_delete(self, bucket_name, authenticated=False)
    if not allowed:
        return refused
    self.body = xmltodict.unparse({"Delete": {"Object": allowed}})
    status, headers, done = plain_delete(self, bucket_name)
    text = refused[2].decode() if isinstance(refused[2], bytes) else refused[2]
    errors = text[text.index("<Error>") : text.rindex("</Error>") + len("</Error>")]
    text = done.decode() if isinstance(done, bytes) else done
    end = text.rindex("</")
    return status, headers, text[:end] + errors + text[end:]


S3Response._bucket_response_delete_keys = delete_keys


# A call that names the account that the bucket must belong to is refused where it belongs to another. With the switch
# below, calls that name none are refused too: whoever is to name it always has forgotten it.
def owned(answer):
    def guarded(self, request, full_url):
        said = request.headers.get("x-amz-expected-bucket-owner")
        makes = request.method == "PUT" and "/" not in request.path.strip("/") and not request.args
        owner = s3_backends.bucket_accounts.get(self.bucket_name, (None, self.current_account))[1]
        if said != owner and (said or "demand-owner" in sys.argv) and not makes:
            raise S3AccessDeniedError()
        return answer(self, request, full_url)

    return guarded


S3Response._bucket_response = owned(S3Response._bucket_response)
S3Response._key_response = owned(S3Response._key_response)

# CloudWatch is asked in CBOR by newer clients, which the emulation does not read: it is asked in JSON instead.
def decoded(data):
    """One item of CBOR, as far as clients send it."""
    first = data.read(1)[0]
    kind, low = first >> 5, first & 31
    if kind == 7:
        if low in (25, 26, 27):
            form = {25: ">e", 26: ">f", 27: ">d"}[low]
            return struct.unpack(form, data.read(struct.calcsize(form)))[0]
        return {20: False, 21: True}.get(low, END if low == 31 else None)
    size = low if low < 24 else None if low == 31 else int.from_bytes(data.read(1 << (low - 24)), "big")
    if kind in (0, 1):
        return size if kind == 0 else -1 - size
    if kind in (2, 3):
        text = data.read(size)
        return text.decode() if kind == 3 else text
    if kind == 6:
        return decoded(data)
    items = []
    while size is None or len(items) < size * (kind - 3):
        item = decoded(data)
        if item is END:
            break
        items.append(item)
    return items if kind == 4 else dict(zip(items[::2], items[1::2]))


END = object()


def encoded(value, name=""):
    def head(kind, n):
        width = next(width for width in (0, 1, 2, 4, 8) if n < (24 if width == 0 else 256**width))
        return bytes([kind << 5 | (n if width == 0 else 23 + width.bit_length())]) + (n.to_bytes(width, "big") if width else b"")

    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if name.endswith("Timestamp") and isinstance(value, (int, float)):
        return b"\xc1" + b"\xfb" + struct.pack(">d", value)
    if isinstance(value, float) or name == "Threshold":
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(encoded(item, name) for item in value)
    return head(5, len(value)) + b"".join(encoded(key) + encoded(item, key) for key, item in value.items())


plain_call = DomainDispatcherApplication.__call__


def call(self, environ, start_response):
    if environ.pop("HTTP_SMITHY_PROTOCOL", None) is None:
        return plain_call(self, environ, start_response)
    operation = environ["PATH_INFO"].rsplit("/", 1)[-1]
    asked = decoded(io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))))
    body = json.dumps(asked).encode()
    environ.update({
        "PATH_INFO": "/", "RAW_URI": "/", "REQUEST_URI": "/", "backstay.cbor": True,
        "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/x-amz-json-1.0",
        "HTTP_X_AMZ_TARGET": f"GraniteServiceVersion20100801.{operation}", "HTTP_ACCEPT": "application/json",
    })
    kept = []
    text = b"".join(plain_call(self, environ, lambda status, headers, info=None: kept.append(status)))
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        said = [re.search(f"<{tag}>(.*?)</{tag}>", text.decode(), re.S) for tag in ("Code", "Message")]
        answer = {"__type": said[0].group(1) if said[0] else "Failed", "message": said[1].group(1) if said[1] else ""}
    answer = encoded(answer)
    length = ("Content-Length", str(len(answer)))
    start_response(kept[0], [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"), length])
    return [answer]


DomainDispatcherApplication.__call__ = call

# What was signed is the call in CBOR.
plain_check = IAMRequest.check_signature
IAMRequest.check_signature = lambda self: None if "backstay.cbor" in request.environ else plain_check(self)

main([word for word in sys.argv[1:] if word != "demand-owner"])
