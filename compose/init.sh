#!/bin/sh
# Makes the secrets of the compose stack, once. Run it before the first `docker compose up`;
# run it again at any time: it keeps what is there. Needs nothing but a POSIX shell.
#
#   sh init.sh            secrets go to ../.obskit/compose/secrets, which git ignores
#   SECRETS_DIR=/run/x sh init.sh
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
secrets=${SECRETS_DIR:-$here/../.obskit/compose/secrets}

# The folder is closed to others. The files in it are readable, because Compose mounts each
# one as it is and the servers run under users of their own that do not exist on this machine.
umask 077
mkdir -p "$secrets"
chmod 700 "$secrets"

make() { # make NAME BYTES: random bytes in hexadecimal, two characters each
    if [ ! -s "$secrets/$1" ]; then
        head -c "$2" /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$secrets/$1"
    fi
    chmod 444 "$secrets/$1"
}

make admin_token 32             # switches faults, acknowledges and resolves incidents
make grafana_admin_password 16  # of the user "admin"
make grafana_secret_key 32      # encrypts what Grafana stores
make postgres_password 32       # of the administrator of PostgreSQL
make database_password 32       # of the services, each in its own database
make redis_password 32          # of the gateways' cache
make pagerduty_routing_key 16   # 32 characters, as PagerDuty's; Alertmanager to pager

if [ ! -s "$secrets/redis_include" ]; then
    printf 'requirepass %s\n' "$(cat "$secrets/redis_password")" >"$secrets/redis_include"
    chmod 444 "$secrets/redis_include"
fi

echo "Secrets are in $secrets"
echo "Grafana: http://127.0.0.1:3000, user admin, password: cat '$secrets/grafana_admin_password'"
