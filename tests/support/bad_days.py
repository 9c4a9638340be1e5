"""What the unit does on its bad days, on a booted machine: scripts that fail where the page is wrong."""

from __future__ import annotations

from typing import Final

# Each as root, in order; a later one finds the relay as the one before has left it. 127.0.0.1:9465 and
# /etc/sealroom are those of OPERATING.md.
_COMMON: Final = """
# Reads to the end, as `grep --quiet` does not: whatever writes into it would die of that.
has() { grep -- "$1" >/dev/null; }
data=/var/lib/private/sealroom
page() { curl --silent "http://127.0.0.1:9465/$1" || true; }
until_page() {  # PAGE TEXT: within 40 seconds
    for _ in $(seq 80); do
        if page "$1" | has "$2"; then return 0; fi
        sleep 0.5
    done
    echo "/$1 never said $2 but:"; page "$1" | head -5; return 1
}
logged() { journalctl --unit sealroom-relay --output cat --no-pager | has "\\"$1\\""; }
new_certificate() {  # with options of openssl for its time
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost "$@" \\
        -addext subjectAltName=DNS:localhost -keyout /srv/key.pem -out /srv/chain.pem 2>/dev/null
    install -m 0640 -g sealroom-tls /srv/key.pem /etc/sealroom/key.pem
    install -m 0644 /srv/chain.pem /etc/sealroom/chain.pem
    systemctl reload sealroom-relay
}
"""

BAD_DAYS: Final = {
    "the unit: systemd-analyze verify finds nothing": """
systemd-analyze verify --man=no sealroom-relay.service 2>&1 | tee /dev/stderr | wc -l | has '^0$'
""",
    "the unit: exposure at most 1.5 of 10": """
systemd-analyze security --no-pager --threshold=15 sealroom-relay.service | tail -n 1
""",
    "started by its notification, as a user of its own, with no more than one capability": """
systemctl show sealroom-relay --property=Type | has notify
pid=$(systemctl show sealroom-relay --property=MainPID --value)
test "$(stat -c %u "/proc/$pid")" -ge 61184
grep --quiet 'CapEff:.0000000000000400$' "/proc/$pid/status"
""",
    "a certificate with five days left: reloaded, in the figures and the log": """
new_certificate -days 5
sleep 2
end=$(page metrics | sed -n 's/^sealroom_relay_certificate_end_seconds //p')
test "$(printf %.0f "$end")" -lt "$(($(date +%s) + 6 * 86400))"
logged reloaded; logged certificate_ends_soon
page readyz | has '^ready'
""",
    "a certificate that has ended: not ready, and ready with a new one": """
new_certificate -not_before 20200101000000Z -not_after 20200201000000Z
until_page readyz 'the certificate has ended'
logged certificate_ended; logged not_ready
test "$(curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:9465/readyz)" = 503
until_page metrics '^sealroom_relay_ready 0'
new_certificate -days 90
until_page readyz '^ready'
""",
    "a backup put back: stopped, restored by root, started, ready": """
/opt/sealroom/bin/sealroom-relay backup /srv/copy.db --data-dir "$data"
systemctl stop sealroom-relay
/opt/sealroom/bin/sealroom-relay restore /srv/copy.db --data-dir "$data"
systemctl start sealroom-relay
until_page readyz '^ready'
""",
    "a full disk: not ready and said so, in the figures too; ready by itself when there is room": """
systemctl stop sealroom-relay
cp --archive "$data" /srv/kept
mount -t tmpfs -o size=400M,mode=0700 tmpfs "$data"
cp --archive /srv/kept/. "$data"
systemctl start sealroom-relay
until_page readyz '^ready'
fallocate --length 395M "$data/filler" || dd if=/dev/zero of="$data/filler" bs=1M count=395 status=none
until_page readyz 'the disk is full'
until_page metrics '^sealroom_relay_ready 0'
free=$(page metrics | sed -n 's/^sealroom_relay_disk_free_bytes //p')
test "$(printf %.0f "$free")" -lt 20971520
share='sealroom_relay_disk_free_bytes / sealroom_relay_disk_bytes < 0.15'
ask_prometheus() { curl --silent --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query; }
for _ in $(seq 40); do if ask_prometheus "$share" | has '"value"'; then break; fi; sleep 1; done
ask_prometheus "$share" | has '"value"'
rm "$data/filler"
until_page readyz '^ready'
""",
    "a relay that stands still is ended by the watchdog and started again": """
kill -STOP "$(systemctl show sealroom-relay --property=MainPID --value)"
for _ in $(seq 130); do
    if test "$(systemctl show sealroom-relay --property=NRestarts --value)" -ge 1; then break; fi
    sleep 1
done
test "$(systemctl show sealroom-relay --property=NRestarts --value)" -ge 1
until_page readyz '^ready'
""",
    "an address that cannot be had: the start fails at once, and says why": """
sed -i 's/^listen = .*/listen = "127.0.0.1:9090"/' /etc/sealroom/relay.toml
begun=$(date +%s)
if systemctl restart sealroom-relay; then exit 1; fi
test "$(($(date +%s) - begun))" -lt 20
journalctl --unit sealroom-relay --output cat --no-pager | has 'address already in use'
systemctl stop sealroom-relay
sed -i 's/^listen = .*/listen = "0.0.0.0:443"/' /etc/sealroom/relay.toml
systemctl reset-failed sealroom-relay
systemctl start sealroom-relay
until_page readyz '^ready'
""",
    "stopped: drained, status 0": """
systemctl stop sealroom-relay
systemctl show sealroom-relay --property=Result | has success
systemctl show sealroom-relay --property=ExecMainStatus | has '=0$'
logged draining; logged stopped
""",
}


def script(name: str) -> str:
    """Return the script of a bad day as root runs it."""
    return _COMMON + BAD_DAYS[name]
