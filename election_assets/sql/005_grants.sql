-- Who may do what. The roles and their passwords are made with the database; here they get their rights.

create schema staging authorization builder;
create schema intermediate authorization builder;
create schema marts authorization builder;

revoke all on schema public from public;
do $$ begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to registrar, counter, builder, reader, auditor', current_database());
    -- The count's way when a second ballot is in a batch; reconciling's copies of the marts. dbt makes its unit tests with one.
    execute format('grant temporary on database %I to counter, builder', current_database());
    -- dbt asks for its schemas with `create schema if not exists`, which wants this right even where they exist.
    execute format('grant create on database %I to builder', current_database());
end $$;

grant usage on schema registry to registrar, counter, builder, auditor;
grant select, insert, update, delete on all tables in schema registry to registrar;
revoke insert, update, delete on registry.methods from registrar;

grant select on all tables in schema registry to counter, builder, auditor;
revoke select on registry.voter_profiles from counter, builder, auditor;
revoke select on registry.voters from builder;
grant select (election_number, precinct_number, ballot_style_number, age_group, gender) on registry.voters to builder;

grant usage on schema ledger to counter, builder, auditor;
grant select, insert, update, delete on all tables in schema ledger to counter;
grant select on all tables in schema ledger to auditor;
grant select on
    ledger.positions_added_up, ledger.ballot_counts_added_up, ledger.voter_group_counts_added_up,
    ledger.arrivals_added_up, ledger.contest_ballots_added_up, ledger.tallies_added_up, ledger.uncounted_added_up
to builder;

grant usage on schema marts to reader;
alter default privileges for role builder in schema marts grant select on tables to reader;

alter role counter set lock_timeout = '10s';
alter role counter set statement_timeout = '60s';
alter role counter set idle_in_transaction_session_timeout = '10s';
-- Autovacuum passes small tables by, and without statistics the views take ten times as long: those who load, analyze.
grant maintain on all tables in schema registry to registrar;
grant maintain on all tables in schema ledger to counter;

alter role reader set jit = off;
alter role reader set default_transaction_read_only = on;
alter role reader set statement_timeout = '10s';
alter role reader set idle_in_transaction_session_timeout = '10s';
alter role reader connection limit 40;
