#!/bin/sh
# Runs once, on an empty volume: a database for each service, that no other service may open.
set -eu

password=$(cat "${DATABASE_PASSWORD_FILE:-/run/secrets/database_password}")
for service in users orders inventory payments notifications; do
    psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres \
        --set=service="$service" --set=password="$password" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
