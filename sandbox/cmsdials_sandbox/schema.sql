-- The tables of one workspace. No foreign keys and no secondary indexes: a million histograms are inserted at
-- each start. Dates are text in the form in which they are served. WITHOUT ROWID keeps the rows in the order
-- in which pages are read.
CREATE TABLE dataset (
  dataset_id INTEGER PRIMARY KEY,
  dataset TEXT NOT NULL,
  era TEXT NOT NULL,
  data_tier TEXT NOT NULL,
  primary_ds_name TEXT NOT NULL,
  processed_ds_name TEXT NOT NULL,
  processing_version INTEGER NOT NULL,
  last_modification_date TEXT NOT NULL
);
CREATE TABLE file (
  dataset_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  file_size INTEGER NOT NULL,
  creation_date TEXT NOT NULL,
  last_modification_date TEXT NOT NULL,
  logical_file_name TEXT NOT NULL,
  status TEXT NOT NULL,
  err_trace TEXT,
  PRIMARY KEY (dataset_id, file_id)
) WITHOUT ROWID;
CREATE TABLE me (
  me_id INTEGER PRIMARY KEY,
  me TEXT NOT NULL,
  count INTEGER NOT NULL,
  dim INTEGER NOT NULL
);
CREATE TABLE run (
  dataset_id INTEGER NOT NULL,
  run_number INTEGER NOT NULL,
  ls_count INTEGER NOT NULL,
  ls_completeness REAL,
  PRIMARY KEY (dataset_id, run_number)
) WITHOUT ROWID;
CREATE TABLE lumisection (
  dataset_id INTEGER NOT NULL,
  run_number INTEGER NOT NULL,
  ls_number INTEGER NOT NULL,
  th1_count INTEGER NOT NULL,
  th2_count INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, run_number, ls_number)
) WITHOUT ROWID;
CREATE TABLE th1 (
  dataset_id INTEGER NOT NULL,
  run_number INTEGER NOT NULL,
  ls_number INTEGER NOT NULL,
  me_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, run_number, ls_number, me_id)
) WITHOUT ROWID;
CREATE TABLE th2 (
  dataset_id INTEGER NOT NULL,
  run_number INTEGER NOT NULL,
  ls_number INTEGER NOT NULL,
  me_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  PRIMARY KEY (dataset_id, run_number, ls_number, me_id)
) WITHOUT ROWID;
CREATE TABLE ml_model (
  model_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  target_me TEXT NOT NULL,
  active INTEGER NOT NULL,
  ready INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  type TEXT NOT NULL,
  anomaly_threshold REAL,
  builtin_threshold INTEGER NOT NULL,
  description TEXT NOT NULL,
  flagging_key TEXT,
  input_signature TEXT NOT NULL,
  metric_key TEXT,
  output_signature TEXT NOT NULL,
  tags TEXT,
  isvc_service_name TEXT,
  isvc_yaml TEXT,
  created_by TEXT NOT NULL,
  modified_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  modified_at TEXT NOT NULL
);
CREATE TABLE ml_bad_lumisection (
  model_id INTEGER NOT NULL,
  dataset_id INTEGER NOT NULL,
  run_number INTEGER NOT NULL,
  ls_number INTEGER NOT NULL,
  me_id INTEGER NOT NULL,
  file_id INTEGER NOT NULL,
  metric_value REAL NOT NULL,
  PRIMARY KEY (model_id, dataset_id, run_number, ls_number, me_id)
) WITHOUT ROWID;
