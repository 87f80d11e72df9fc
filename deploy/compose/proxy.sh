# What the scripts of this folder ask the proxy; sourced by them.

# How compose is called; another command may stand in for it.
compose=${EXAI_COMPOSE:-docker compose}
# Where the proxy tells its states, and the file that says who has the traffic.
states=${EXAI_STATES:-http://127.0.0.1:8404}
map=${EXAI_ACTIVE:-active.map}

# The colour that has the traffic.
active() {
  curl -fsS "$states/active"
}

# Waits until the proxy sends an instance, such as blue-1, its whole share of the calls; fails after a minute.
awaits() {
  local rows
  for _ in $(seq 300); do
    rows=$(curl -fsS "$states/;csv") || rows=''
    # The 18th field is the state, the 19th the weight.
    grep -Eq "^${1%-*}-h1,$1,([^,]*,){15}UP,100," <<<"$rows" && return
    sleep 0.2
  done
  echo "the proxy does not see that $1 is ready: look at its log" >&2
  return 1
}
