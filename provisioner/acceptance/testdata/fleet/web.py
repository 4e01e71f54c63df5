"""Answers every request with the values that this process was started with."""

import json
import os
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer

with open("config/cell.yml", encoding="utf-8") as cell:
    ANSWER = json.dumps({
        "instance_id": os.environ["INSTANCE_ID"],
        "cell": os.environ["CELL"],
        "cell_file": cell.read().strip(),
        "host": os.environ["HOST"],
        "address": os.environ["ADDRESS"],
    }).encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)


# Not HTTPServer, which asks the DNS for a name that nobody needs.
TCPServer(("", 3000), Handler).serve_forever()
