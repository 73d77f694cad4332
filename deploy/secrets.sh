#!/usr/bin/env bash
# Creates secrets/, which compose.tls.yaml mounts: a certificate authority, a certificate for Kafka, and for each user
# of docs/security.md its settings with a random password. Needs openssl.
#
#   ./secrets.sh              once
#   rm -r secrets             to create all of it again (then also run `docker compose down --volumes`)
set -euo pipefail
cd "$(dirname "$0")"
umask 077
if [ -e secrets ]; then
    echo "deploy/secrets already exists; remove it to create new certificates and passwords." >&2
    exit 2
fi
mkdir secrets.new
trap 'rm -rf secrets.new' EXIT
cd secrets.new

key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${key[@]}" -days 3650 -subj "/CN=fraudstream authority" \
    -addext "basicConstraints=critical,CA:TRUE" -keyout authority.key -out authority.pem 2> log || { cat log >&2; exit 1; }
openssl req "${key[@]}" -subj "/CN=kafka" -keyout kafka.key -out kafka.csr 2>> log
echo "subjectAltName=DNS:kafka,DNS:localhost" > kafka.extensions
openssl x509 -req -in kafka.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 825 \
    -extfile kafka.extensions -out kafka.crt 2>> log
cat kafka.key kafka.crt > kafka.pem

for user in topics producer detector quality alerts dead-letters; do
    cat > "$user.properties" <<PROPERTIES
security.protocol=SASL_SSL
ssl.ca.location=/run/secrets/authority.pem
sasl.mechanism=SCRAM-SHA-512
sasl.username=fraudstream-$user
sasl.password=$(openssl rand -hex 24)
PROPERTIES
done

# Without the authority's key, nobody can issue another certificate.
find . -type f ! -name "*.properties" ! -name authority.pem ! -name kafka.pem -delete
# Containers read the files as users of their own; on this machine only the owner can enter the folder.
chmod 644 ./*
cd ..
mv secrets.new secrets
echo "deploy/secrets: created."
