"""A server on this machine that speaks the Hugging Face hub's protocol, and of plain files."""

import contextlib
import hashlib
import http.server
import json
import re
import threading

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Server:
    """Files by their paths, and what can go wrong with them.

    Attributes:
        files: Contents by path: `"timm/x/model.safetensors"` of the hub, or any other.
        cut: Number of answers that break off in the middle.
        flip: Whether a byte of each content is changed, but not the sha256 that is stated for it.
        requests: Pairs of method or range and path, in order.
    """

    def __init__(self):
        self.files, self.requests = {}, []
        self.cut, self.flip = 0, False
        self.url = ""

    @contextlib.contextmanager
    def running(self):
        """Serves until the block ends."""
        handler = type("Handler", (_Handler,), {"hub": self})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Server

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, body):
        path = self.path.split("?")[0].lstrip("/")
        self.hub.requests.append((self.headers.get("Range") or self.command, path))
        api = re.match(r"api/models/([^/]+/[^/]+)(/.*)?$", path)
        if api:
            return self._repository(api[1])
        resolved = re.match(r"([^/]+/[^/]+)/resolve/[^/]+/(.+)$", path)
        content = self.hub.files.get(f"{resolved[1]}/{resolved[2]}" if resolved else path)
        if content is None:
            self.send_response(404)
            if resolved:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self._content(content, bool(resolved), body)
        return None

    def _repository(self, name):
        names = [key for key in self.hub.files if key.startswith(f"{name}/")]
        siblings = [{"rfilename": key.removeprefix(f"{name}/")} for key in names]
        answer = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "tags": []}
        body = json.dumps(answer | {"private": False, "downloads": 0}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _content(self, content, of_hub, body):
        sha256 = hashlib.sha256(content).hexdigest()
        if self.hub.flip:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        begin = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        first = int(begin[1]) if begin else 0
        last = int(begin[2]) + 1 if begin and begin[2] else len(content)
        part = content[first:last]
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {first}-{last - 1}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if of_hub:
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("X-Linked-ETag", f'"{sha256}"')
            self.send_header("ETag", f'"{sha256}"')
        self.end_headers()
        if not body:
            return
        if self.hub.cut and len(part) > 1000:
            self.hub.cut -= 1
            self.wfile.write(part[: len(part) // 3])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(part)
