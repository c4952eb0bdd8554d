CREATE TABLE tmp (a int);
DELETE FROM tmp;
