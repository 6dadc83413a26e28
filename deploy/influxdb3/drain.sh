#!/bin/sh
# Has a node of InfluxDB 3 Core persist what its write-ahead log holds, so that the next start has little to replay.
#
#   drain.sh UNIT NODE_DIR
#
# UNIT is its unit of systemd, NODE_DIR its directory below the data directory: the one with wal/ and snapshots/.
#
# InfluxDB 3 has no checkpoint that could be asked for. What makes it persist everything, without a single write, is a limit of
# one byte for what it may hold in memory: it looks every ten seconds. So it is started with that limit, until all but a few
# files are persisted, and then as it was before. Each of the two starts replays what is live then, and takes as long as that.
# Whatever happens in between, the limit is taken back, and the server started without it.
#
# PATIENCE  seconds until that has to be done (600)
# LIVE      live files that may be left: with writes there is a new one each second (30)
# DROP_INS  where systemd looks for settings that are gone after a boot (/run/systemd/system)
set -eu

unit=${1:?usage: drain.sh UNIT NODE_DIR}
node=${2:?usage: drain.sh UNIT NODE_DIR}
patience=${PATIENCE:-600}
few=${LIVE:-30}
settings=${DROP_INS:-/run/systemd/system}/$unit.d
limit=$settings/seawall-drain.conf

# Whoever listened may be gone, which is no reason to leave the limit where it is.
trap '' PIPE
say() { echo "drain.sh: $*" >&2 || true; }

# Files that a start replays; nothing if that cannot be told now.
live() {
    seawall inspect --json "$node" 2>/dev/null | sed -n 's/.*"live_files": *\([0-9][0-9]*\).*/\1/p' | head -n 1
}

restart() {
    systemctl daemon-reload
    systemctl restart --no-ask-password "$unit"
}

# A start over a damaged log may lose what seawall repair would keep.
verdict=0
seawall verify --live --quiet "$node" >/dev/null 2>&1 || verdict=$?
if [ "$verdict" -ge 2 ]; then
    say "nothing was done: seawall verify --live $node ended with $verdict"
    exit 1
fi

before=$(live)
if [ -z "$before" ]; then
    say "nothing was done: $node is no node whose live files can be counted"
    exit 1
fi
if [ "$before" -le "$few" ]; then
    say "nothing to do: $before files are live"
    exit 0
fi

back() {
    rm -f "$limit"
    rmdir "$settings" 2>/dev/null || true
    restart
}
trap 'trap - EXIT; back' EXIT
trap 'exit 1' HUP INT TERM

mkdir -p "$settings"
# The second name is that of 3.11 and later; a server leaves alone what it does not know.
cat >"$limit" <<END
[Service]
Environment=INFLUXDB3_FORCE_SNAPSHOT_MEM_THRESHOLD=1b
Environment=INFLUXDB3_FORCE_SNAPSHOT_MEM_SIZE=1b
END
restart

left=$before
waited=0
while [ "$left" -gt "$few" ]; do
    if [ "$waited" -ge "$patience" ]; then
        say "$left of $before files are live after $patience seconds; journalctl -u $unit says more"
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
    now=$(live)
    left=${now:-$left}
done

trap - EXIT
back
say "$left of $before files are live"
