package app

import (
	"strings"
	"testing"
)

func TestNamesThatRunCodeAreRefused(t *testing.T) {
	t.Parallel()
	tested := map[string]bool{}
	for program, names := range map[string]string{
		"every program":                   "PATH HOME SHELL XDG_CONFIG_HOME XDG_DATA_DIRS",
		"the dynamic linker":              "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT",
		"the C library":                   "GCONV_PATH LOCPATH NLSPATH GETCONF_DIR GLIBC_TUNABLES",
		"a shell":                         "ENV BASH_ENV BASH_FUNC_ls BASH_LOADABLES_PATH SHELLOPTS PS4 PROMPT_COMMAND IFS ZDOTDIR",
		"Ruby":                            "RUBYOPT RUBYLIB RUBYLIB_PREFIX RUBYPATH RUBYSHELL RUBY_CRASH_REPORT RUBY_DEBUG_COMMANDS RUBY_DEBUG_PORT",
		"RubyGems or Bundler":             "GEM_HOME GEM_PATH GEMRC RUBYGEMS_GEMDEPS BUNDLE_GEMFILE BUNDLE_PATH BUNDLER_VERSION",
		"rbenv":                           "RBENV_ROOT RBENV_VERSION RBENV_DIR RBENV_HOOK_PATH",
		"rake, irb or bootsnap":           "RAKEOPT RAKE_SYSTEM IRBRC PRYRC BOOTSNAP_CACHE_DIR",
		"Node.js":                         "NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE",
		"a package manager of Node.js":    "NPM_CONFIG_SCRIPT_SHELL npm_config_node_options YARN_YARN_PATH COREPACK_NPM_REGISTRY ESBUILD_BINARY_PATH",
		"Git":                             "GIT_SSH GIT_SSH_COMMAND GIT_CONFIG_COUNT GIT_CONFIG_GLOBAL GIT_EXEC_PATH GIT_DIR GIT_ASKPASS GIT_EXTERNAL_DIFF GIT_TEMPLATE_DIR",
		"ssh, tar, rsync or zip":          "SSH_ASKPASS SSH_ASKPASS_REQUIRE TAR_OPTIONS RSYNC_RSH ZIPOPT",
		"a program that people use":       "EDITOR VISUAL PAGER BROWSER LESSOPEN",
		"systemd's tools":                 "DBUS_SESSION_BUS_ADDRESS SYSTEMD_PAGER SYSTEMD_EDITOR",
		"OpenSSL":                         "OPENSSL_CONF OPENSSL_CONF_INCLUDE OPENSSL_ENGINES OPENSSL_MODULES",
		"Kerberos or SASL":                "KRB5_CONFIG GSS_MECH_CONFIG SASL_PATH",
		"a database's client":             "PSQLRC PSQL_PAGER LIBMYSQL_PLUGINS LIBMYSQL_PLUGIN_DIR MARIADB_PLUGIN_DIR",
		"an image library":                "MAGICK_CONFIGURE_PATH MAGICK_HOME VIPSHOME GIO_EXTRA_MODULES GDK_PIXBUF_MODULE_FILE GS_OPTIONS",
		"a compiler, when gems are built": "MAKE MAKEFLAGS CC CFLAGS GCC_EXEC_PREFIX PKG_CONFIG PKG_CONFIG_PATH",
		"Perl":                            "PERL5OPT PERL5LIB PERL5DB PERLLIB",
		"Python":                          "PYTHONPATH PYTHONSTARTUP PYTHONWARNINGS PYTHONBREAKPOINT PYTHONHOME",
		"Java":                            "JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS CLASSPATH",
	} {
		tested[program] = true
		for name := range strings.FieldsSeq(names) {
			err := CheckInstanceName(name, false)
			if err == nil || !strings.Contains(err.Error(), program+" run or load") {
				t.Errorf("%s, for %s: %v", name, program, err)
			}
			if err := CheckInstanceName(name, true); err != nil {
				t.Errorf("%s with unsafe_name: %v", name, err)
			}
		}
	}
	for _, e := range executable {
		if !tested[e.program] {
			t.Errorf("the names of %s have no case", e.program)
		}
	}
}

func TestNamesThatOnlyConfigureAreTaken(t *testing.T) {
	t.Parallel()
	for name := range strings.FieldsSeq(`DATABASE_URL REDIS_URL WEB_CONCURRENCY RAILS_MAX_THREADS RAILS_ENV RAILS_MASTER_KEY SECRET_KEY_BASE PORT
		MALLOC_ARENA_MAX MALLOC_CONF RUBY_GC_HEAP_INIT_SLOTS RUBY_YJIT_ENABLE RUBY_THREAD_TIMESLICE NODE_ENV NODE_EXTRA_CA_CERTS
		GIT_SHA GIT_COMMIT GIT_REVISION LANG LC_ALL TZ TMPDIR SSL_CERT_FILE PGHOST PGPASSWORD MYSQL_HOST LDAP_HOST HOSTNAME
		USER_HOME PATH_PREFIX ENVIRONMENT HOMEPAGE MAGICK_MEMORY_LIMIT AWS_REGION REGION CELL HTTP_PROXY CCTLD EDITORIAL Path`) {
		if err := CheckInstanceName(name, false); err != nil {
			t.Error(err)
		}
	}
}
