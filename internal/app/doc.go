// Package app is the composition root: it reads the configuration, opens the
// trusted base, plugs the rooms into each other and into the doors, serves, and
// drains. It is the only package that may import everything.
//
// It owns the configuration file, the data folder, the commands and the order of
// start and stop. It guarantees that nothing is served before the log has been
// checked against its outside checkpoint and the database against the log, and
// that what was acknowledged is durable when Close returns.
//
// It never opens sealed data itself: commands are Callers like everybody, and on
// production data they run only after a named person approved the exact act.
package app
