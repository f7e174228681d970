//! A database whose server is lost comes back on another one with all that it was.

use crate::support::{Database, Project, Server, Version, identifier};

/// What belongs to a database and to nothing in it.
const OWN: &str = "SELECT datconnlimit, shobj_description(d.oid, 'pg_database'), \
     array(SELECT a.privilege_type || ' ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'public') \
           FROM aclexplode(datacl) a ORDER BY 1), \
     array(SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = d.oid ORDER BY 1) \
     FROM pg_database d WHERE datname = current_database()";

#[test]
fn grants_and_settings_of_the_database_itself_come_along() {
    let source = Database::create(Server::any(), "moved");
    let name = identifier(&source.name);
    source.psql("CREATE TABLE t AS SELECT 1 AS n");
    source.psql(&format!(
        "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC; GRANT CREATE ON DATABASE {name} TO postgres; \
         ALTER DATABASE {name} SET statement_timeout = '77s'; ALTER DATABASE {name} CONNECTION LIMIT 42; \
         COMMENT ON DATABASE {name} IS 'the shop'"
    ));
    let project = Project::new(&source, "");
    project.backstay(&["backup", "app"]).run().expect(0);
    let server = Server::start(Version::Distribution);
    let words = ["restore", "app", "--to-connection", "${env:TARGET}"];
    let call = project.backstay(&words).env("TARGET", server.url(&source.name));
    let restored = call.run().expect(0);
    assert!(!restored.stderr.contains("was not restored"), "{restored:#?}");
    let there = server.psql(&source.name, OWN);
    assert_eq!(there, source.psql(OWN));
    assert!(there.contains("42|the shop") && there.contains("77s") && !there.contains("CONNECT public"), "{there}");
}
