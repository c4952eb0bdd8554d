/** Rules on the file as a whole: whether it can be read, and whether there is anything in it. */
import type { Rule } from './rule';

/** The linter finds these while it reads the file; no statement is there to be asked. */
const find = (): readonly never[] => [];

const syntaxError: Rule = {
  id: 'syntax-error',
  on: [],
  severity: 'error',
  title: 'What Postgres does not understand',
  condition: "Postgres's own parser refuses a statement.",
  effect: 'The migration fails. The rest of the file is judged without the statement.',
  remedy: 'Correct it; a word of SQL that is meant as a name stands in double quotes.',
  bad: { sql: 'CREATE INDEX CONCURRENTLY idx_new_index ON table_name (column);', fails: '42601' },
  good: { sql: 'CREATE TABLE table_name ("column" int);' },
  find,
};

const directive: Rule = {
  id: 'directive-not-understood',
  on: [],
  severity: 'error',
  title: 'A comment for Godwit that it does not understand',
  condition:
    'A comment begins with `godwit:` and is none of its directives, names no rule, or lacks its reason.',
  effect: 'Godwit refuses the file rather than to pass over what somebody asked for.',
  remedy: '`-- godwit:stepwise because …`, `-- godwit:backfill`, `-- godwit:allow <rule> because …`',
  bad: { sql: '-- godwit:allow index-blocks-writes\nCREATE TABLE one (id int PRIMARY KEY);' },
  good: {
    before: 'CREATE TABLE one (id int PRIMARY KEY, a int);',
    sql: '-- godwit:allow index-blocks-writes because the table has ten rows\nCREATE INDEX one_a_idx ON one (a);',
  },
  find,
};

export const EMPTY_MIGRATION: Rule = {
  id: 'empty-migration',
  on: [],
  severity: 'error',
  title: 'A migration without a statement',
  condition: 'The file has nothing but comments.',
  effect: 'Godwit does not run it: most often somebody meant to write something.',
  remedy: 'Write the statements, or remove the folder of the migration.',
  bad: { sql: '-- This is an empty migration.' },
  good: { sql: 'CREATE TABLE one (id int PRIMARY KEY);' },
  find,
};

export const FILE_RULES: readonly Rule[] = [syntaxError, directive, EMPTY_MIGRATION];
