package dbtest

import (
	"testing"

	"postern.example/postern/internal/trust/db"
)

// fullTables makes PostgreSQL refuse every change that the serving role tries, with the
// code that it has for a full disk, and let everything be read: what a server does whose
// data cannot grow. The owner may still write, and so may whoever frees the disk.
const fullTables = `CREATE OR REPLACE FUNCTION postern_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF current_user = '` + servingRole + `' THEN
		RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
	END IF;
	RETURN NULL;
END $$;
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
		EXECUTE format('CREATE TRIGGER postern_full BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH STATEMENT EXECUTE FUNCTION postern_full()', t);
	END LOOP;
END $$`

const roomAgain = `DROP FUNCTION IF EXISTS postern_full CASCADE`

// FullDisk makes a PostgreSQL database whose owner opens it with c behave as if its disk
// was full, until free is called.
func FullDisk(t testing.TB, c db.Config) (free func()) {
	t.Helper()
	raw := RawConfig(t, c)
	raw.Script(t, fullTables)
	return func() { raw.Script(t, roomAgain) }
}
