"""Stands in for a process of the stack: answers 200 on every path once it is ready."""

import argparse
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--crash", action="store_true", help="raise at start")
    parser.add_argument("--crash-if", type=Path, help="raise at start when this file is there")
    parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
    parser.add_argument("--mute", action="store_true", help="run but never listen")
    parser.add_argument("--say", default="", help="print this at start")
    arguments = parser.parse_args()
    sys.stdout.write(f"stand-in on {arguments.port} {arguments.say}\n")
    sys.stdout.flush()
    if arguments.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if arguments.crash or (arguments.crash_if and arguments.crash_if.exists()):
        raise RuntimeError("the warehouse is on fire")
    if arguments.mute:
        while True:
            time.sleep(60)
    HTTPServer(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
