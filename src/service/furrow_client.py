"""Batches from a Furrow service, as dictionaries of NumPy arrays. One file: the standard library and NumPy.

    from furrow_client import Run

    run = Run("http://127.0.0.1:7717", pipeline="digits", seed=42, epochs=3, digest=True)
    for batch in run:
        step(batch["image"], batch["label"])          # batch.epoch, batch.index, batch.size, batch.indices
    print(run.digest)                                 # that of a local run of the same pipeline

`run.cursor` is plain data: store it as JSON, and go on from it with `Run(url, ..., start=cursor)`. Connections that break are
made anew, from behind the last batch. Under torchrun and the like, `rank` and `world` are taken from the environment:
FURROW_RANK and FURROW_WORLD_SIZE, else RANK and WORLD_SIZE.

For PyTorch, `dataset(url, ...)` is a `torch.utils.data.IterableDataset`: give it to a `DataLoader` with `batch_size=None`.
"""

import base64
import datetime
import hashlib
import http.client
import io
import json
import logging
import operator
import os
import random
import re
import ssl
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

import numpy as np

__all__ = ["Batch", "DigestMismatch", "Run", "ServiceError", "dataset"]

LOG = logging.getLogger("furrow")
LEAD = struct.Struct("<4s5I")
MAGIC = b"FRW2"
LONGEST_HEAD = 2**26
LONGEST_BODY = 2**31
# A frame of which less comes in a second does not go on. Signs of life are shorter.
LEAST_BYTES = 100
MOST_AT_ONCE = 2**20
# What reading something else than a run's own data can raise.
UNREADABLE = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
# What every system takes as a timeout of a connection.
LONGEST_WAIT = 10**6
# So often in a row is something no frame before it is asked for no more.
MOST_MALFORMED = 3
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in (
    "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")}


class ServiceError(Exception):
    """The service cannot be reached (`kind` "unreachable"), refuses ("refused"), or its run failed ("run")."""

    def __init__(self, kind, reason, tag=None, again=False):
        super().__init__(reason)
        self.kind = kind
        self.tag = tag
        # Whether another attempt may go better.
        self._again = again


class _NoFrame(EOFError):
    """What arrived would be no frame the next time, too, unless it was changed on its way."""


class DigestMismatch(Exception):
    """What arrived is not what the service says that it delivered."""


def _shown(text, longest=200, lines=False):
    """What came from elsewhere, as it may stand in a terminal; with `lines`, of several of them."""
    plain = "\n" if lines else ""
    own = "".join(one if one.isprintable() or one == plain else ascii(one)[1:-1] for one in str(text)[: longest + 1])
    return own if len(own) <= longest else f"{own[:longest]}..."


class Batch(dict):
    """The columns of a batch by name; arrays have the sample as their first axis and belong to the caller."""

    def __init__(self, columns, fields):
        # Columns of a collate function of one's own need not be a record.
        super().__init__(columns if isinstance(columns, dict) else {"columns": columns})
        self.epoch = fields["epoch"]
        self.index = fields["index"]
        self.rank = fields["rank"]
        self.worker = fields["worker"]
        self.size = fields["size"]
        self.indices = fields["indices"]


def _unpack(value, parts):
    if isinstance(value, list):
        return [_unpack(one, parts) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, own), = value.items()
        if key in ("$tensor", "$array"):
            return parts[own]
        if key == "$number":
            return float(own.replace("Infinity", "inf"))
        if key == "$bigint":
            return int(own)
        if key in ("$undefined", "$hole"):
            return None
        if key == "$date":
            if own is None:
                return None
            return datetime.datetime.fromtimestamp(own / 1000, datetime.timezone.utc)
        if key == "$record":
            return {name: _unpack(one, parts) for name, one in own}
    return {name: _unpack(one, parts) for name, one in value.items()}


def _whole(value, parts):
    """Puts long texts and lists back, whose JSON stands in parts."""
    if isinstance(value, list):
        return [_whole(one, parts) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, own), = value.items()
        if key == "$text":
            return json.loads(parts[own].tobytes())
        if key == "$list":
            return [_whole(one, parts) for part in own for one in json.loads(parts[part].tobytes())]
        if key == "$record":
            return {key: [[name, _whole(one, parts)] for name, one in own]}
    return {name: _whole(one, parts) for name, one in value.items()}


def _part(body, dtype, shape, offset):
    count = 1
    for axis in shape:
        count *= axis
    if count == 0:
        return np.empty(shape, DTYPES[dtype])
    return np.frombuffer(body, DTYPES[dtype], count, offset).reshape(shape)


class _Digest:
    """h(i) = SHA-256(h(i-1), SHA-256(columns of batch i)); src/scheduler/plan/Digest.ts of Furrow has it."""

    def __init__(self, head=None):
        self.head = bytes(32) if head is None else bytes.fromhex(head)

    def add(self, columns, parts):
        own = hashlib.sha256()
        self._absorb(own, "", columns, parts)
        self.head = hashlib.sha256(self.head + own.digest()).digest()

    @staticmethod
    def _text(own, text):
        # Lengths are counted in UTF-16 units. A text with half a surrogate pair has no bytes of UTF-8: its JSON stands for it.
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        if re.search("[\ud800-\udfff]", text):
            quoted = json.dumps(text, ensure_ascii=False)
            text = "ill-formed " + re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", quoted)
        own.update(f"{units}:".encode() + text.encode())

    def _array(self, own, name, array):
        self._text(own, f"{name} {array.dtype.name} [{','.join(map(str, array.shape))}]")
        if array.dtype.kind == "f" and np.isnan(array).any():
            array = array.copy()
            array[np.isnan(array)] = np.nan
            # One bit pattern for all NaNs.
            bits = array.view("<u4" if array.dtype.itemsize == 4 else "<u8")
            bits[np.isnan(array)] = 0x7FC00000 if array.dtype.itemsize == 4 else 0x7FF8000000000000
        own.update(np.ascontiguousarray(array).data)

    def _absorb(self, own, name, value, parts):
        if isinstance(value, list):
            self._text(own, f"{name} list [{len(value)}]")
            for place, one in enumerate(value):
                if one == {"$hole": True}:
                    continue
                if isinstance(one, str):
                    self._text(own, one)
                else:
                    self._absorb(own, f"{name}[{place}]", one, parts)
        elif isinstance(value, str):
            self._text(own, f"{name} string")
            self._text(own, value)
        elif isinstance(value, bool):
            self._text(own, f"{name} boolean {str(value).lower()}")
        elif value is None:
            self._text(own, f"{name} object null")
        elif isinstance(value, (int, float)):
            self._text(own, f"{name} number {_number(value)}")
        else:
            self._record(own, name, value, parts)

    def _record(self, own, name, value, parts):
        (key, inner), = list(value.items())[:1] if len(value) == 1 else (("", None),)
        if key in ("$tensor", "$array"):
            return self._array(own, name, parts[inner])
        if key == "$number":
            return self._text(own, f"{name} number {inner}")
        if key == "$bigint":
            return self._text(own, f"{name} bigint {inner}")
        if key == "$undefined":
            return self._text(own, f"{name} undefined undefined")
        entries = dict(inner) if key == "$record" else value
        # By UTF-16 units, as JavaScript sorts.
        names = sorted(entries, key=lambda one: one.encode("utf-16-be", "surrogatepass"))
        self._text(own, f"{name} record [{len(names)}]")
        for one in names:
            self._absorb(own, one if name == "" else f"{name}.{one}", entries[one], parts)


def _number(value):
    """A number as JavaScript writes it."""
    if isinstance(value, int) and abs(value) < 10**21:
        return str(value)
    text = repr(float(value))
    if "e" not in text:
        return text[:-2] if text.endswith(".0") else text
    mantissa, exponent = text.split("e")
    power = int(exponent)
    digits = mantissa.replace(".", "").lstrip("-")
    sign = "-" if mantissa.startswith("-") else ""
    digits = digits.rstrip("0") or "0"
    if 0 <= power < 21:
        return sign + digits.ljust(power + 1, "0")
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    head = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{sign}{head}e{'+' if power > 0 else '-'}{abs(power)}"


class _Timed(io.RawIOBase):
    """The bytes of a connection until a point in time: a timeout of a socket counts from its last byte."""

    def __init__(self, raw):
        self._raw = raw
        self.until = None

    def readable(self):
        return True

    def readinto(self, into):
        if self.until is not None and time.monotonic() > self.until:
            raise TimeoutError("what it answers does not come to its end")
        return self._raw.readinto(into)

    def close(self):
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose head, or what it says of an error, comes within the timeout of its connection, from first byte to last."""

    def __init__(self, sock, *arguments, **options):
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self._timed = _Timed(sock.makefile("rb", buffering=0))
        self.fp = io.BufferedReader(self._timed)
        self._patience = sock.gettimeout()
        self._bound()

    def _bound(self):
        if self._patience is not None:
            self._timed.until = time.monotonic() + self._patience

    def piece(self, longest):
        """What has come, in the timeout as well; empty at the end."""
        self._bound()
        return self.read1(longest)


class _Opening:
    def do_open(self, http_class, request, **options):
        def connection(*arguments, **given):
            own = http_class(*arguments, **given)
            own.response_class = _Response
            return own

        return super().do_open(connection, request, **options)


class _Http(_Opening, urllib.request.HTTPHandler):
    """Connections over HTTP with an answer as above."""


class _Https(_Opening, urllib.request.HTTPSHandler):
    """The same over TLS."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is for whom it was given to."""

    def redirect_request(self, *_):
        return None


def _variable(*names):
    """The first variable of the environment that is set, as a whole number."""
    for name in names:
        text = os.environ.get(name)
        if text is not None:
            if not re.fullmatch("[0-9]{1,9}", text):
                raise ValueError(f"{name} of the environment must be a whole number of at least 0, got {text!r}")
            return name, int(text)
    return None, None


def _ranks():
    """Rank and world size of the environment, by the rules of `Scheduler.ranksFromEnvironment`."""
    own, rank = _variable("FURROW_RANK", "RANK")
    name, world = _variable("FURROW_WORLD_SIZE", "WORLD_SIZE")
    if world is None and rank is not None:
        raise ValueError(
            f"rank {rank} of how many is unknown: neither FURROW_WORLD_SIZE nor WORLD_SIZE is set; set one beside {own}"
        )
    if world is not None and not 1 <= world <= 65536:
        raise ValueError(f"{name}: {world} is no world size from 1 to 65536")
    if world is not None and world > 1 and rank is None:
        raise ValueError(
            f"{name}: the world size is {world} and neither FURROW_RANK nor RANK is set, so every process would be rank 0; "
            f"set one of them to this process's number, 0 to {world - 1}"
        )
    if rank is not None and rank >= world:
        raise ValueError(f"{own}: rank {rank} is not below the world size {world}")
    return {} if world is None or world == 1 else {"rank": rank, "world": world}


def _head(text):
    """The head of a frame, and its cursor."""
    try:
        head = json.loads(bytes(text))
        kind, cursor = head["kind"], head.get("cursor")
        needs = {"begin": ["batches"], "batch": ["batch", "parts"], "end": [], "alive": [], "error": ["tag", "message"]}
        known = all(name in head for name in needs[kind])
        if kind in ("begin", "batch", "end") or cursor is not None:
            known = known and {"epoch", "batch", "checksum", "digest"} <= cursor.keys() and _is_digest(cursor["digest"])
    except UNREADABLE:
        known = False
    if not known:
        raise _NoFrame("the head of a frame cannot be read")
    return head, cursor


def _spec(given):
    """What a run is asked for by: `None` is as if left out. `seed="42"` is another seed than `seed=42`, as in a local run."""
    spec = {name: own for name, own in given.items() if own is not None}
    if "allow" in spec:
        allow = spec["allow"]
        if not isinstance(allow, (list, tuple)) or not all(isinstance(one, str) for one in allow):
            raise ValueError(f"""allow must be a list of names, such as ["workers"], got {allow!r:.80}""")
        spec["allow"] = ",".join(allow)
    seed = spec.pop("seed", None)
    if isinstance(seed, str):
        if re.search("[\ud800-\udfff]", seed):
            raise ValueError("seed must be a text without half of a surrogate pair")
        spec["seedText"] = seed
    elif seed is not None:
        try:
            own = -1 if isinstance(seed, (bool, np.bool_)) else operator.index(seed)
        except TypeError:
            own = -1
        if not 0 <= own < 2**64:
            raise ValueError(f"seed must be a whole number from 0 to 2**64 - 1, or a text, got {seed!r:.80}")
        spec["seed"] = own
    return spec


def _is_digest(own):
    """Whether it is the digest of a cursor: of a run without one it is `None`."""
    return own is None or re.fullmatch("[0-9a-f]{64}", own) is not None


def _is_cursor(own):
    """Whether it can be sent as one; the service knows the rest."""
    try:
        return _is_digest(own["digest"]) and json.dumps(own) != ""
    except UNREADABLE:
        return False


def _address(url):
    """An address without its user and password, which stand in no message, and these as a header."""
    try:
        parts = urllib.parse.urlsplit(url)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        known = known and not re.search(r"[\s\x00-\x1f\x7f]", url)
    except (ValueError, TypeError, AttributeError):
        known = False
    if not known:
        raise ValueError(
            "url must be an address such as http://127.0.0.1:7717, whose user and password are escaped: % is %25, / is %2F"
        ) from None
    own = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    if parts.username is None:
        return own, None
    user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return own, f"Basic {base64.b64encode(user.encode()).decode()}"


def _trusted(ca):
    """What certificates are checked by; `None` stands for those of the system."""
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=os.fspath(ca))
    except (OSError, TypeError, ValueError) as error:
        given = "the text of one" if "-----" in str(ca) else repr(ca)
        raise ValueError(f"ca must be the path of a file of certificates as PEM, got {given}: {_shown(error)}") from None


class Run:
    """An iterator over the batches of a run; see the module.

    `silence` is how many seconds without a byte a connection may have, `patience` for how many seconds in a row a service is
    tried again that cannot be reached. `spec` says which run it is: `pipeline`, `seed`, `policy`, `epochs` or `epoch`, `rank`,
    `world`, `uneven`, `steps`, `workers`. `start` is the cursor of an earlier run, which goes on from there; `allow` names
    what may differ from that run, such as `["workers"]`. `ca` is the path of a file of certificates, as PEM, that are trusted
    instead of the system's: of a service with a certificate of your own, that one.
    """

    def __init__(self, url, *, start=None, token=None, ca=None, digest=False, silence=30.0, patience=120.0, **spec):
        spec = _spec(spec)
        if start is None and not {"epochs", "epoch"} & spec.keys():
            raise ValueError("tell the run its epochs: epochs=n, epoch=k, or start=cursor")
        if not {"rank", "world"} & spec.keys():
            spec.update(_ranks())
        if start is not None and not _is_cursor(start):
            raise ValueError("start must be a cursor, such as run.cursor of an earlier run")
        if not (silence is None or 0 < silence <= LONGEST_WAIT):
            raise ValueError(f"silence must be more than 0 seconds and at most {LONGEST_WAIT}, or None, got {silence!r}")
        if not patience >= 0:
            raise ValueError(f"patience must be at least 0 seconds, got {patience!r}")
        # What a header cannot carry would stand in the error of whoever sends it.
        if token is not None and not (isinstance(token, str) and re.fullmatch("[!-~]([ -~]*[!-~])?", token)):
            raise ValueError("token must be a string of visible ASCII characters, with spaces between them at most")
        self._trusted = _trusted(ca)
        if digest:
            spec["digest"] = "true"
        self._url, self._user = _address(url)
        self._spec = spec
        self._token = token
        self._silence = silence
        self._patience = patience
        self._digests = digest
        self._response = None
        self._place = None
        self._begun = False
        self._over = False
        self._digest = _Digest(start and start["digest"])
        self.cursor = start
        self.batches = None
        self.reconnected = 0

    @property
    def digest(self):
        """The digest over what arrived: 64 hexadecimal digits."""
        if not self._digests:
            raise ValueError("the run keeps no digest: give Run digest=True")
        return self._digest.head.hex()

    def __iter__(self):
        return self

    def __next__(self):
        if self._over:
            raise StopIteration
        try:
            return self._next()
        except BaseException:
            self.close()
            raise

    def close(self):
        """Ends the connection; the run can be gone on with."""
        response, self._response = self._response, None
        self._begun = False
        if response is not None:
            response.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _next(self):
        waits, until, malformed, warned = 0.1, None, 0, False
        while True:
            try:
                head, body = self._frame()
            except (OSError, EOFError, http.client.HTTPException, ServiceError) as error:
                if isinstance(error, ServiceError) and not error._again:
                    raise
                unopened = self._response is None
                self.close()
                malformed += isinstance(error, _NoFrame)
                if malformed == MOST_MALFORMED:
                    raise ServiceError("run", _shown(error)) from error
                self.reconnected += 1
                now = time.monotonic()
                until = now + self._patience if until is None else until
                reason = f"the service at {self._url} cannot be reached: {_shown(error)}"
                if now >= until:
                    raise ServiceError("unreachable", reason, getattr(error, "tag", None)) from error
                # A connection that breaks and is opened again at once is worth no warning; minutes of silence look like a hang.
                if unopened and not warned:
                    warned = True
                    LOG.warning("%s; trying again, for %g seconds", reason, self._patience)
                # The last try is at the end of the patience.
                time.sleep(min(waits * random.uniform(0.5, 1), until - now))
                waits = min(2 * waits, 5.0)
                continue
            kind = head.get("kind")
            if kind == "begin":
                if self.cursor is None:
                    self.cursor = head["cursor"]
                # With a cursor of another rank the service begins a new digest, as a local run does.
                if self.batches is None:
                    self._digest = _Digest(head["cursor"]["digest"])
                self.batches = head["batches"]
            elif kind == "end":
                self.cursor = head["cursor"]
                self._over = True
                self.close()
                raise StopIteration
            elif kind == "error":
                raise ServiceError("run", head["message"], head["tag"])
            elif kind == "batch":
                try:
                    return self._batch(head, body)
                except UNREADABLE as error:
                    reason = f"a batch of the service at {self._url} cannot be read: {_shown(repr(error))}"
                    raise ServiceError("run", reason) from error

    def _batch(self, head, body):
        parts = [_part(body, *one) for one in head["parts"]]
        fields = head["batch"]
        columns = _whole(fields["columns"], parts)
        # Of several ranks one may have no rows: such a batch is not part of the digest.
        if self._digests and fields["size"] > 0:
            self._digest.add(columns, parts)
            there = head["cursor"]["digest"]
            if there is not None and there != self.digest:
                raise DigestMismatch(f"batch {fields['index']} of epoch {fields['epoch']} arrived with other contents")
        self.cursor = head["cursor"]
        return Batch(_unpack(columns, parts), _unpack({k: v for k, v in fields.items() if k != "columns"}, parts))

    def _frame(self):
        if self._response is None:
            self._response = self._connect()
        lead = self._read(LEAD.size)
        magic, head_length, body_length, packed, crc, sealed = LEAD.unpack(lead)
        if magic != MAGIC:
            other = magic[:3] == MAGIC[:3]
            raise _NoFrame("what arrived is a frame of another version of furrow" if other else "what arrived is no frame")
        if zlib.crc32(lead[:-4]) != sealed:
            raise EOFError("the lengths of a frame were changed on their way, or bytes were lost")
        # Python has no zstd before 3.14, so that it is never asked for.
        if head_length > LONGEST_HEAD or body_length > LONGEST_BODY or packed:
            raise _NoFrame("what arrived is a frame that is longer than is taken, or compressed")
        head = self._read(head_length)
        body = self._read(body_length)
        if zlib.crc32(body, zlib.crc32(head)) != crc:
            raise EOFError("a frame was changed or cut on its way")
        head, cursor = _head(head)
        if not self._begun and head["kind"] not in ("alive", "error", "begin"):
            raise _NoFrame("a frame came with which no run begins")
        self._begun = self._begun or head["kind"] == "begin"
        after = head.get("after")
        if after is not None and after != self._place:
            raise EOFError("a batch was lost or came twice on the way")
        if cursor is not None:
            self._place = f"{cursor['epoch']}/{cursor['batch']}/{cursor['checksum']}"
        return head, body

    def _read(self, length):
        """Into memory of its own, in which arrays lie from then on."""
        own = bytearray(length)
        view = memoryview(own)
        since, came = time.monotonic(), 0
        while view:
            # No more than has come, so that it is seen whether it goes on.
            piece = self._response.piece(min(len(view), MOST_AT_ONCE))
            if not piece:
                raise EOFError("the connection ended before the run did")
            view[: len(piece)] = piece
            view = view[len(piece) :]
            came += len(piece)
            now = time.monotonic()
            if self._silence is None or came >= LEAST_BYTES * self._silence:
                since, came = now, 0
            elif now - since > self._silence:
                # Where bytes were lost on the way, signs of life are taken for the rest of a frame.
                raise EOFError(f"it has made no progress within a frame for {self._silence:g} seconds")
        return own

    def _connect(self):
        query = dict(self._spec)
        if self.cursor is not None:
            text = json.dumps(self.cursor, separators=(",", ":"), ensure_ascii=False)
            query["from"] = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        request = urllib.request.Request(f"{self._url}/batches?{urllib.parse.urlencode(query)}")
        if self._user is not None:
            request.add_header("authorization", self._user)
        if self._token is not None:
            request.add_header("authorization", f"Bearer {self._token}")
        try:
            # Not by a proxy of the environment, which would be shown the token; the TypeScript client asks directly, too.
            direct = urllib.request.ProxyHandler({})
            opener = urllib.request.build_opener(direct, _NoRedirect, _Http, _Https(context=self._trusted))
            return opener.open(request, timeout=self._silence)
        except urllib.error.HTTPError as error:
            text = error.read(2000).decode("utf-8", "replace")
            try:
                said = json.loads(text)
                tag, reason = said["error"], _shown(said["message"], 2000, lines=True)
            except (ValueError, KeyError, TypeError):
                tag, reason = None, f"it answers {error.code} {_shown(text)}"
            if error.code == 500 and tag is not None:
                # The run cannot be opened: the service itself says so, not what stands before it.
                raise ServiceError("run", f"the service at {self._url} has a run that failed: {reason}", tag) from None
            if error.code >= 500:
                raise ServiceError("unreachable", reason, tag, again=True) from None
            raise ServiceError("refused", f"the service at {self._url} refuses: {reason}", tag) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                # Of a certificate for another name it is not the trust that lacks.
                way = "" if error.reason.verify_code == 62 else "; trust a certificate of your own by ca='cert.pem'"
                reason = f"the certificate of the service at {self._url} is not trusted: {_shown(error.reason.verify_message)}{way}"
            elif isinstance(error.reason, ssl.SSLError) and error.reason.reason == "WRONG_VERSION_NUMBER":
                reason = f"the service at {self._url} does not speak TLS: ask it by http://"
            else:
                raise
            # Within a run it is what stands in the place of a service that is started again.
            raise ServiceError("unreachable", reason, again=self.batches is not None) from None
        except ValueError as error:
            # An address that no request can be sent to, of the service or one that it names.
            raise ServiceError("refused", f"the service at {self._url} cannot be asked: {_shown(error)}") from None


def dataset(url, *, cursors=False, **options):
    """A run as `torch.utils.data.IterableDataset` of dictionaries of tensors, for `DataLoader(..., batch_size=None)`.

    The service builds batches; let the DataLoader have no workers, or one to copy ahead: each would be sent all of them.
    With `cursors=True` it gives pairs of a batch and the cursor behind it, from which `start=cursor` goes on: a worker's own
    run is ahead of what the trainer has taken.
    """
    import torch
    from torch.utils.data import IterableDataset, get_worker_info

    def tensors(value):
        if isinstance(value, np.ndarray):
            return torch.from_numpy(value)
        if isinstance(value, dict):
            return {name: tensors(one) for name, one in value.items()}
        return value

    class Batches(IterableDataset):
        def __init__(self):
            super().__init__()
            self.run = None

        def __iter__(self):
            info = get_worker_info()
            if info is not None and info.num_workers > 1:
                raise ValueError("give the DataLoader num_workers=0 or 1: each worker would be sent all batches")
            self.run = Run(url, **options)
            for batch in self.run:
                own = tensors(dict(batch))
                yield (own, self.run.cursor) if cursors else own

    return Batches()
