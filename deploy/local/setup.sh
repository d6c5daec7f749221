#!/usr/bin/env bash
# Installs what the project needs, each part only when what it depends on has changed. Called by make.
#
#   deploy/local/setup.sh           for `make run`: Python packages, npm packages, Kafka's jars
#   deploy/local/setup.sh browser   the same, and Chromium and promtool for `make test`
set -euo pipefail
cd "$(dirname "$0")/../.."
stamps=build/stamps

# say ENGLISH CHINESE: in the language of the terminal.
say() {
  case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    zh*) printf '%s\n' "$2" ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# when_changed NAME INPUT... -- COMMAND...: runs COMMAND unless it succeeded before on the same inputs.
when_changed() {
  local name=$1 inputs=() before now
  shift
  while [ "$1" != -- ]; do inputs+=("$1"); shift; done
  shift
  now=$(cksum "${inputs[@]}")
  before=$(cat "$stamps/$name" 2>/dev/null || true)
  [ "$now" = "$before" ] && return
  check_tools
  rm -f "$stamps/$name"
  "$@"
  mkdir -p "$stamps"
  printf '%s' "$now" >"$stamps/$name"
}

# first_number WORDS: the first whole number in what a tool says about its version.
first_number() { grep -oE '[0-9]+' <<<"$1" | head -n 1; }

find_python() {
  local each
  for each in python3 python3.14 python3.13 python3.12 python3.11; do
    "$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$each"; return; }
  done
  return 1
}

tools_checked=
check_tools() {
  [ -n "$tools_checked" ] && return
  tools_checked=yes
  local missing=0 version
  if ! find_python >/dev/null; then
    missing=1
    say "Python 3.11 or later is missing: get it from https://www.python.org/downloads/ (Debian, Ubuntu: apt-get install python3 python3-venv)." \
      "缺少 Python 3.11 或更高版本：请从 https://www.python.org/downloads/ 安装（Debian、Ubuntu：apt-get install python3 python3-venv）。"
  fi
  version=$(first_number "$("${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1 | grep -i version)" || true)
  if [ "${version:-0}" -lt 17 ]; then
    missing=1
    say "Java 17 or later is missing: get it from https://adoptium.net (Debian, Ubuntu: apt-get install openjdk-17-jre-headless)." \
      "缺少 Java 17 或更高版本：请从 https://adoptium.net 安装（Debian、Ubuntu：apt-get install openjdk-17-jre-headless）。"
  fi
  if ! command -v mvn >/dev/null; then
    missing=1
    say "Maven is missing: get it from https://maven.apache.org (Debian, Ubuntu: apt-get install maven)." \
      "缺少 Maven：请从 https://maven.apache.org 安装（Debian、Ubuntu：apt-get install maven）。"
  fi
  version=$(first_number "$(node --version 2>/dev/null)" || true)
  if [ "${version:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
    missing=1
    say "Node 20 or later, with npm, is missing: get it from https://nodejs.org." \
      "缺少 Node 20 或更高版本（含 npm）：请从 https://nodejs.org 安装。"
  fi
  [ "$missing" = 0 ] || exit 1
}

# quietly COMMAND...: shows what it printed only when it fails.
quietly() {
  local log=build/setup.log
  mkdir -p build
  "$@" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    say "This failed: $*. The whole output is in $log." "此步失败：$*。完整输出见 $log。" >&2
    exit 1
  }
}

python_packages() {
  say "Installing Python packages …" "正在安装 Python 依赖……"
  [ -x .venv/bin/python ] || quietly "$(find_python)" -m venv .venv
  quietly .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
  # The project itself, from this folder; what builds it is in the lock.
  quietly .venv/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
}

node_packages() {
  say "Installing npm packages …" "正在安装 npm 依赖……"
  quietly npm ci --ignore-scripts --no-audit --no-fund
}

kafka_jars() {
  say "Fetching Apache Kafka …" "正在获取 Apache Kafka……"
  rm -rf build/kafka
  quietly mvn -q -B -f deploy/local/kafka/pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$PWD/build/kafka" -DincludeScope=runtime
}

# A function of the browser's own name would be what `command -v` finds.
browser() {
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing Chromium and CJK fonts for the journeys …" "正在为浏览器测试安装 Chromium 和中文字体……"
    quietly apt-get update
    quietly apt-get install -y --no-install-recommends chromium fonts-noto-cjk
  else
    say "Chromium is missing: install it (Debian, Ubuntu: apt-get install chromium fonts-noto-cjk)." \
      "缺少 Chromium：请先安装（Debian、Ubuntu：apt-get install chromium fonts-noto-cjk）。"
    exit 1
  fi
}

# Prometheus's promtool, which checks the alert rules. Without it those tests are skipped, and say so.
prometheus() {
  command -v promtool >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing promtool for the tests of the alert rules …" "正在安装用于检查告警规则的 promtool……"
    quietly apt-get update
    quietly apt-get install -y --no-install-recommends prometheus
  else
    say "promtool is missing, so the alert rules are not checked (Debian, Ubuntu: apt-get install prometheus)." \
      "缺少 promtool，因此不检查告警规则（Debian、Ubuntu：apt-get install prometheus）。"
  fi
}

# What was deleted by hand is made again.
[ -x .venv/bin/python ] || rm -f "$stamps/python"
[ -d node_modules ] || rm -f "$stamps/node"
[ -d build/kafka ] || rm -f "$stamps/kafka"

when_changed python requirements.lock pyproject.toml -- python_packages
when_changed node package-lock.json package.json -- node_packages
when_changed kafka deploy/local/kafka/pom.xml -- kafka_jars
if [ "${1:-}" = browser ]; then
  browser
  prometheus
fi
