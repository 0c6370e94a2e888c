"""A replica: answers its number, its process and its mode, and does what the mode says.

replica.py MODE_FILE serve --environment E --replica N --inherited-socket FD --control PATH
"""

import os
import select
import signal
import socket
import sys
import threading
import time

mode_file, words = sys.argv[1], sys.argv[2:]
assert words[0] == "serve", words
options = dict(zip(words[1::2], words[2::2]))
with open(mode_file) as file:
    mode = file.read().strip()

print(f"replica {options['--replica']} of {options['--environment']} begins, {mode}", flush=True)
if "RUNNER_TRACKING_ID" in os.environ:
    print("tracked by a runner", flush=True)
if mode == "fails":
    print("error: no model fits", file=sys.stderr, flush=True)
    sys.exit(9)

listener = socket.socket(fileno=int(options["--inherited-socket"]))
says = {"never-ready": 0, "stuck": 2}.get(mode, 1)
if says == 2:
    print("error: the incumbent needs more memory", file=sys.stderr, flush=True)
control = socket.socket(socket.AF_UNIX)
control.bind(options["--control"])
control.listen()


def answer_control():
    while True:
        asking, _ = control.accept()
        socket.send_fds(asking, [bytes([says])], [listener.fileno()])
        asking.close()


if mode != "mute":
    threading.Thread(target=answer_control, daemon=True).start()

told, tell = os.pipe()
signal.signal(signal.SIGTERM, lambda *_: None if mode == "stubborn" else os.write(tell, b"."))


def answer(client):
    with client:
        client.settimeout(10)
        asked = b""
        while b"\r\n\r\n" not in asked:
            more = client.recv(4096)
            if not more:
                return
            asked += more
        if b"/die" in asked:
            os._exit(3)
        if b"/slow" in asked:
            print("takes its time", flush=True)
            time.sleep(4)
        time.sleep(0.005)
        body = f"{options['--replica']} {os.getpid()} {mode}".encode()
        client.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


threads = []
while True:
    readable, _, _ = select.select([listener, told], [], [])
    if told in readable:
        break
    try:
        client, _ = listener.accept()
    except BlockingIOError:
        continue
    client.setblocking(True)
    thread = threading.Thread(target=answer, args=(client,))
    thread.start()
    threads = [other for other in threads if other.is_alive()] + [thread]
listener.close()
for thread in threads:
    thread.join()
print("ends", flush=True)
