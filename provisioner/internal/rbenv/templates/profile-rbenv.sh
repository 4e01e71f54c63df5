RBENV_ROOT=/usr/local/rbenv
export RBENV_ROOT
PATH="$RBENV_ROOT/bin:$RBENV_ROOT/shims:$PATH"
export PATH
