"""A browser in a few lines, to be run in the network namespace of a box: `client.py PORT stop` looks until it charges and stops it; `client.py PORT look` says what it sees."""
import http.client
import json
import re
import sys

TOKEN = re.compile(r'name="token" content="([^"]+)"')


def main(port: int, command: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    answer = connection.getresponse()
    cookie, token = answer.getheader("Set-Cookie").split(";")[0], TOKEN.search(answer.read().decode())[1]
    stream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    stream.request("GET", "/stream", headers={"Cookie": cookie})
    known = {}
    for line in stream.getresponse():
        if not line.startswith(b"data: "):
            continue
        message = json.loads(line[6:])
        if message["k"] == "gone":
            break
        known.update(message["v"] if message["k"] == "full" else message.get("v", {}))
        if known.get("v2g_state") == "CurrentDemand" and (known.get("inlet_current") or 0.0) > 5.0:
            print("charging", known["inlet_voltage"], known["inlet_current"], known["box.phase"], flush=True)
            break
    if command == "stop":
        connection.request("POST", "/stop", json.dumps({"token": token}), {"Cookie": cookie, "Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}"})
        print("stop", connection.getresponse().status, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
