#!/usr/bin/env bash
# Creates the users of docs/security.md and their permissions (ACLs). Runs in the network of Kafka's own
# container, whose listener LOCAL is for the node itself and for this script.
set -euo pipefail
export BOOTSTRAP=localhost:9090 PATH=$PATH:/opt/kafka/bin
umask 077

for user in topics producer detector quality alerts dead-letters; do
  password=$(sed -n 's/^sasl.password=//p' "/run/secrets/$user.properties")
  echo "SCRAM-SHA-512=password=$password" > /tmp/user.properties
  kafka-configs.sh --bootstrap-server $BOOTSTRAP \
    --alter --entity-type users --entity-name "fraudstream-$user" --add-config-file /tmp/user.properties
done

kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-topics --operation Create --operation Describe \
  --topic transactions --topic transactions.labels --topic transactions.dlq \
  --topic fraud.alerts --topic transactions.journal
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-producer --operation Write \
  --topic transactions --topic transactions.labels
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-detector --operation Read \
  --topic transactions --topic fraud.alerts --topic transactions.dlq \
  --topic transactions.journal --group fraudstream-detector
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-detector --operation Write \
  --topic fraud.alerts --topic transactions.dlq --topic transactions.journal
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-detector --operation Write \
  --transactional-id fraudstream-detector- --resource-pattern-type prefixed
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-quality --operation Read \
  --topic fraud.alerts --topic transactions.labels --group fraudstream-quality
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-alerts --operation Read \
  --topic fraud.alerts
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-dead-letters --operation Read \
  --topic transactions.dlq --group fraudstream-dead-letters
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-dead-letters --operation Write \
  --topic transactions.dlq --topic transactions
kafka-acls.sh --bootstrap-server $BOOTSTRAP --add \
  --allow-principal User:fraudstream-dead-letters --operation Write \
  --transactional-id fraudstream-dead-letters- --resource-pattern-type prefixed
