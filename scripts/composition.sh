#!/usr/bin/env bash
# Checks what cannot be run where there is no container engine: the image, the composition by its schema and style, and
# the configurations that are mounted into it by the programs that read them.
set -euo pipefail

cd "$(dirname "$0")/.."

hadolint Dockerfile
dclint docker-compose.yml
envoy --mode validate --config-path compose/envoy.yaml --log-level error
NATS_PASSWORD=none nats-server -t --config compose/nats.conf
promtool check config compose/prometheus.yml
promtool check rules helm/veza/rules/*.yaml
promtool test rules tests/alerts.yaml
