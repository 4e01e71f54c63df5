package app

import (
	"fmt"
	"strings"
)

// executable names make what is on a host run or load code that the value
// names: harmless from a template, code execution from a tag that others can
// set. A name that ends in "*" stands for all that begin so.
//
// They come from the manuals of the programs that a Rails host has, from
// sudo's list (plugins/sudoers/env.c, initial_badenv_table) and glibc's own for
// set-user-ID programs (sysdeps/generic/unsecvars.h). What only tunes a
// program, or names its data, is not here: MALLOC_*, RUBY_GC_*, TZ, TMPDIR.
// No such list can be complete, since any gem may read a variable of its own.
var executable = []struct{ program, names string }{
	{"every program", "PATH HOME SHELL XDG_*"},
	{"the dynamic linker", "LD_*"},
	// Modules of character sets, of locales (format strings in NLSPATH's), of getconf(1); heap and linker in GLIBC_TUNABLES.
	{"the C library", "GCONV_PATH LOCPATH NLSPATH GETCONF_DIR GLIBC_TUNABLES"},
	// With SHELLOPTS=xtrace, PS4 is expanded before each command.
	{"a shell", "ENV IFS CDPATH PS4 SHELLOPTS BASHOPTS BASH_* PROMPT_COMMAND INPUTRC ZDOTDIR FPATH NULLCMD READNULLCMD"},
	// RUBY_CRASH_REPORT=|PROGRAM, from 3.3 on. The debug gem's open a port or hold commands.
	{"Ruby", "RUBYOPT RUBYLIB* RUBYPATH RUBYSHELL DLN_LIBRARY_PATH RUBY_CRASH_REPORT RUBY_DEBUG_* JRUBY_OPTS TRUFFLERUBYOPT"},
	{"RubyGems or Bundler", "GEM_* GEMRC RUBYGEMS_* BUNDLE_* BUNDLER_*"},
	{"rbenv", "RBENV_*"},
	{"rake, irb or bootsnap", "RAKEOPT RAKE_SYSTEM IRBRC PRYRC BOOTSNAP_CACHE_DIR"},
	{"Node.js", "NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NODE_COMPILE_CACHE"},
	{"a package manager of Node.js", "NPM_CONFIG_* npm_config_* YARN_* PNPM_* pnpm_config_* COREPACK_* ESBUILD_BINARY_PATH"},
	{"Git", "GIT_CONFIG* GIT_SSH* GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_EXTERNAL_DIFF GIT_PROXY_COMMAND " +
		"GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_DIR GIT_COMMON_DIR GIT_WORK_TREE GIT_ALLOW_PROTOCOL"},
	{"ssh, tar, rsync or zip", "SSH_ASKPASS* SSH_SK_PROVIDER TAR_OPTIONS RSYNC_RSH RSYNC_CONNECT_PROG ZIPOPT"},
	{"a program that people use", "EDITOR VISUAL PAGER MANPAGER RI_PAGER BROWSER LESSOPEN LESSCLOSE SUDO_ASKPASS GNUPGHOME WGETRC CURL_HOME"},
	// DBUS_SESSION_BUS_ADDRESS=unixexec:… runs a program.
	{"systemd's tools", "DBUS_* SYSTEMD_*"},
	// Engines and providers are shared objects.
	{"OpenSSL", "OPENSSL_CONF* OPENSSL_ENGINES OPENSSL_MODULES"},
	{"Kerberos or SASL", "KRB5_CONFIG GSS_MECH_CONFIG SASL_PATH SASL_CONF_PATH"},
	{"a database's client", "PSQLRC PSQL_PAGER PSQL_EDITOR LIBMYSQL_* MARIADB_PLUGIN_DIR MYSQL_HOME"},
	// ImageMagick's configuration names the programs that it delegates to.
	{"an image library", "MAGICK_CONFIGURE_PATH MAGICK_CODER_MODULE_PATH MAGICK_FILTER_MODULE_PATH MAGICK_HOME VIPSHOME " +
		"GIO_EXTRA_MODULES GIO_MODULE_DIR GDK_PIXBUF_MODULE* GS_LIB GS_OPTIONS"},
	{"a compiler, when gems are built", "MAKE MAKEFLAGS GNUMAKEFLAGS MAKEFILES CC CXX CFLAGS CXXFLAGS CPPFLAGS LDFLAGS " +
		"GCC_EXEC_PREFIX COMPILER_PATH LIBRARY_PATH PKG_CONFIG*"},
	{"Perl", "PERL5* PERLLIB PERLIO*"},
	// PYTHONWARNINGS imports a module, PYTHONBREAKPOINT calls a function.
	{"Python", "PYTHON*"},
	{"Java", "JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS JAVA_OPTS JAVA_HOME CLASSPATH"},
}

// CheckInstanceName refuses names with which whoever sets a value's source
// could run code as the deploy user. unsafe is people's word that they may.
func CheckInstanceName(text string, unsafe bool) error {
	if unsafe {
		return nil
	}
	for _, e := range executable {
		for name := range strings.FieldsSeq(e.names) {
			if prefix, all := strings.CutSuffix(name, "*"); text == name || all && strings.HasPrefix(text, prefix) {
				return fmt.Errorf("%q makes %s run or load what its value names, so whoever may set the value's source could run code as the deploy user; set it in the app's env, where only this template decides, or choose another name; where all who may set the source may do that, write unsafe_name = true", text, e.program)
			}
		}
	}
	return nil
}
