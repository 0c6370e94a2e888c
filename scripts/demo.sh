#!/usr/bin/env bash
# The main job on real data: three raw tables become a tested, packaged, registered model that answers
# over HTTP, and a rebuild proves that it is what it says. Then it goes into production: tested in
# staging, replaced by a second version step by step; a third one fails on requests that no data held, and is
# caught on the way.
#
#   scripts/demo.sh BINARY FOLDER
#
# FOLDER is made anew, a copy of examples/flights; nothing else is touched. The Python environment and
# the ONNX Runtime go into the user's cache, so the second demo is quicker than the first.
set -euo pipefail

command -v curl >/dev/null || { echo "curl is needed to ask the served model: apt-get install curl" >&2; exit 1; }
binary=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$(dirname "$2")"
project=$(realpath -m "$2")
PATH=$(dirname "$binary"):$PATH
# The demo's own home, whatever the caller has set.
unset MODELYARD_HOME MODELYARD_PROJECT
server= traffic= watching=

say() {
    printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then cat; else sed 's/\x1b\[[0-9;]*m//g'; fi
}

# Shows a command as one would type it, and runs it.
run() {
    printf '$ %s\n' "$*"
    "$@"
}

stop_server() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}

end_all() {
    stop_server
    stop_traffic
    stop_watching
    if [ -d "$project/.modelyard" ]; then
        for environment in staging production; do
            (cd "$project" && modelyard --quiet environments stop "$environment" --wait) >/dev/null 2>&1 || true
        done
    fi
}

stop_traffic() {
    if [ -n "$traffic" ]; then
        kill "$traffic" 2>/dev/null || true
        wait "$traffic" 2>/dev/null || true
        traffic=
    fi
}

stop_watching() {
    if [ -n "$watching" ]; then
        kill "$watching" 2>/dev/null || true
        wait "$watching" 2>/dev/null || true
        watching=
    fi
}
trap end_all EXIT

rm -rf "$project"
cp -r "$here/examples/flights" "$project"
cd "$project"
started=$SECONDS

say "A project: plain Python, three raw tables, and one file that says how they go together"
run ls modelyard.toml train.py requirements.txt data data/flights

say "The whole build: data, search, training, package, test on sealed rows, registered model"
run modelyard run

say "Once more: nothing has changed, so nothing is done"
run modelyard run

say "The version, and the chain back to where it came from"
run modelyard models show late-flights@1

say "A served answer"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '$ modelyard serve late-flights --listen 127.0.0.1:%s &\n' "$port"
modelyard serve late-flights --listen "127.0.0.1:$port" &
server=$!
until curl -sf "http://127.0.0.1:$port/v2/health/ready" >/dev/null; do
    kill -0 "$server" 2>/dev/null || { echo "the server ended before it was ready" >&2; exit 1; }
    sleep 0.1
done
flight='{"carrier": "UA", "origin": "EWR", "dest": "ORD", "hour": 17, "distance": 719, "temp": 68.0, "wind_speed": 9.2,
  "visib": 10.0, "precip": 0.0, "pressure": 1012.1, "seats": 149, "recent_delay": 45.0}'
printf "\$ curl -s http://127.0.0.1:%s/predict/late-flights -H 'content-type: application/json' -d '%s'\n" "$port" "$flight"
answer=$(curl -sSf "http://127.0.0.1:$port/predict/late-flights" -H 'content-type: application/json' -d "$flight")
printf '%s\n' "$answer"
stop_server

say "The proof: every step again, from stored inputs"
run modelyard reproduce late-flights@1

say "Into production: environments are declared in modelyard.toml, and applied"
run modelyard apply --yes

say "A server watches over them, for as long as it runs"
printf '$ modelyard server &\n'
modelyard --quiet server --listen 127.0.0.1:0 >server.log 2>&1 &
watching=$!
sleep 1
kill -0 "$watching" 2>/dev/null || { cat server.log >&2; exit 1; }

say "Staging: the package is tested over HTTP, with every sealed row, hostile input, and a load"
run modelyard deploy staging late-flights@1 --wait

say "Production: the first version has nobody to take over from"
run modelyard release late-flights@1 --to production --wait
url=http://127.0.0.1:8101/predict/late-flights
printf '$ python3 traffic.py %s &\n' "$url"
python3 "$here/scripts/traffic.py" "$url" &
traffic=$!

say "A new month is new data, and makes a second version"
echo "As good as the first, it would fail the gate champion = \"better\": for this demo the gate goes."
sed -i 's/, champion = "better"//' modelyard.toml
run cp later/flights-2013-05.csv.gz data/flights/
run modelyard run
run modelyard deploy staging late-flights@2 --wait

say "It takes over step by step, under traffic, as long as it is not worse"
run modelyard release late-flights@2 --to production --wait

say "A third version answers with code of its own, and that has a bug which no row of the data shows"
echo "It fails for long flights at two in the morning. There were none, so tests and staging let it pass; travellers ask."
python3 "$here/scripts/demo_bug.py"
run modelyard run
run modelyard deploy staging late-flights@3 --wait
printf '$ modelyard release late-flights@3 --to production --wait\n'
if modelyard release late-flights@3 --to production --wait; then
    echo "the bug was not caught" >&2
    exit 1
fi
if ! modelyard release status production | grep -q "more requests fail"; then
    echo "it was rolled back, though not for its bug" >&2
    exit 1
fi
echo "Caught, and rolled back. What travellers saw of all this:"
stop_traffic

say "What was in production, since when, and who put it there"
run modelyard history production
run modelyard audit --verify

say "Made in $((SECONDS - started)) seconds"
cat <<END
  $project
    modelyard.toml, train.py   the project; requirements.lock pins what it ran with
    .modelyard/                its home: data versions, results, models, audit log

Try next, in that folder (with $(dirname "$binary") on the PATH, or after \`make install\`):
  modelyard server                                         watches over the environments again
  modelyard environments start production                  they were stopped at the end of this demo
  modelyard environments show production                   what serves, by which rules
  modelyard history production --at "2 min ago"            what served then, and why
  modelyard report late-flights@1 --output report.html     the test report, one file
  modelyard run --set params.leaves=7                      another model; gates decide
  cp later/flights-2013-06.csv.gz data/flights/            a new month is new data:
  modelyard status                                           what is stale, and why
  modelyard run                                              better than the champion?
END
