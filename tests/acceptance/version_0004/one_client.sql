BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE approvals (
	id INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	who TEXT NOT NULL, 
	seen TEXT NOT NULL, 
	run_key INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
CREATE TABLE blobs (
	sha256 TEXT NOT NULL, 
	content_type TEXT NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (sha256)
);
INSERT INTO "blobs" VALUES('73e7cd97589a5b4a927e29ff74781412bb2a48fc5167bdfb239130f5c97abe0a','application/yaml',X'76657273696F6E3A20310A63616D706169676E3A206F666665720A707572706F73653A207472616E73616374696F6E616C0A73656E6465723A2041434D450A726563697069656E74733A0A20202D206373763A206C697374732F70656F706C652E6373760A6D6573736167653A0A20207375626A6563743A20224B6F64207B7B20636F6465207D7D220A706F6C6C3A207B756E74696C3A2033737D0A');
CREATE TABLE events (
	id INTEGER NOT NULL, 
	run_key INTEGER NOT NULL, 
	message_id INTEGER, 
	at BIGINT NOT NULL, 
	attempt INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	old TEXT NOT NULL, 
	new TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(message_id) REFERENCES messages (id), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "events" VALUES(1,1,NULL,1796093602009659,0,0,'planned','planned','begun by root','{"begun_by":"root"}');
INSERT INTO "events" VALUES(2,1,NULL,1796093602016175,0,1,'planned','running','','{}');
INSERT INTO "events" VALUES(3,1,1,1796093602027735,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(4,1,2,1796093602027735,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(5,1,3,1796093602027735,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(6,1,1,1796093602031538,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"76c49ee9ae4093c1\"}","seconds":0.002}');
INSERT INTO "events" VALUES(7,1,2,1796093602031790,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"91e7e997a01d85e7\"}","seconds":0.002}');
INSERT INTO "events" VALUES(8,1,3,1796093602031898,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"1d6b4200bd9594d4\"}","seconds":0.001}');
INSERT INTO "events" VALUES(9,1,4,1796093602034153,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(10,1,5,1796093602034153,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(11,1,6,1796093602034153,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(12,1,5,1796093602037180,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"c84eab33e10c330f\"}","seconds":0.001}');
INSERT INTO "events" VALUES(13,1,4,1796093602037347,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"d477ec80075c7c3d\"}","seconds":0.002}');
INSERT INTO "events" VALUES(14,1,7,1796093602039567,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(15,1,8,1796093602039567,1,1,'ready','sending','','{}');
CREATE TABLE identity (
	ledger TEXT NOT NULL, 
	PRIMARY KEY (ledger)
);
INSERT INTO "identity" VALUES('4f5639bdcc6b5b6198b7008f0decb53f');
CREATE TABLE inputs (
	run_key INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	path TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	PRIMARY KEY (run_key, position), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "inputs" VALUES(1,1,'campaign','campaigns/offer.yaml','73e7cd97589a5b4a927e29ff74781412bb2a48fc5167bdfb239130f5c97abe0a',156);
INSERT INTO "inputs" VALUES(1,2,'list','lists/people.csv','eb99778a05f7f0b4825c7a06dfc21c00fd7c2fd6f1f4387acb2214fb604f41c4',219);
CREATE TABLE layouts (
	"key" INTEGER NOT NULL, 
	run_key INTEGER NOT NULL, 
	layout TEXT NOT NULL, 
	PRIMARY KEY ("key"), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "layouts" VALUES(1,1,'[]');
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	run_key INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	source_row INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	msisdn TEXT NOT NULL, 
	variant TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	layout_key INTEGER NOT NULL, 
	texts TEXT NOT NULL, 
	wave INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	attempt INTEGER DEFAULT '0' NOT NULL, 
	unspent INTEGER DEFAULT '0' NOT NULL, 
	fence INTEGER DEFAULT '0' NOT NULL, 
	not_before BIGINT, 
	sent_at BIGINT, 
	accepted_at BIGINT, 
	final_at BIGINT, 
	next_poll_at BIGINT, 
	polls INTEGER DEFAULT '0' NOT NULL, 
	gateway_id TEXT DEFAULT '' NOT NULL, 
	status TEXT DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	code TEXT DEFAULT '' NOT NULL, consent TEXT DEFAULT '' NOT NULL, segments TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(layout_key) REFERENCES layouts ("key"), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "messages" VALUES(1,1,1,2,'lists/people.csv','+48501000000','','Kod K0',1,'[]',1,'accepted',1,0,1,NULL,1796093602027735,1796093602031538,NULL,1796093602331538,0,'76c49ee9ae4093c1','','','','','');
INSERT INTO "messages" VALUES(2,1,2,3,'lists/people.csv','+48501000001','','Kod K1',1,'[]',1,'accepted',1,0,1,NULL,1796093602027735,1796093602031790,NULL,1796093602331790,0,'91e7e997a01d85e7','','','','','');
INSERT INTO "messages" VALUES(3,1,3,4,'lists/people.csv','+48501000002','','Kod K2',1,'[]',1,'accepted',1,0,1,NULL,1796093602027735,1796093602031898,NULL,1796093602331898,0,'1d6b4200bd9594d4','','','','','');
INSERT INTO "messages" VALUES(4,1,4,5,'lists/people.csv','+48501000003','','Kod K3',1,'[]',1,'accepted',1,0,1,NULL,1796093602034153,1796093602037347,NULL,1796093602337347,0,'d477ec80075c7c3d','','','','','');
INSERT INTO "messages" VALUES(5,1,5,6,'lists/people.csv','+48501000004','','Kod K4',1,'[]',1,'accepted',1,0,1,NULL,1796093602034153,1796093602037180,NULL,1796093602337180,0,'c84eab33e10c330f','','','','','');
INSERT INTO "messages" VALUES(6,1,6,7,'lists/people.csv','+48501000005','','Kod K5',1,'[]',1,'sending',1,0,1,NULL,1796093602034153,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(7,1,7,8,'lists/people.csv','+48501000006','','Kod K6',1,'[]',1,'sending',1,0,1,NULL,1796093602039567,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(8,1,8,9,'lists/people.csv','+48501000007','','Kod K7',1,'[]',1,'sending',1,0,1,NULL,1796093602039567,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(9,1,9,10,'lists/people.csv','+48501000008','','Kod K8',1,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(10,1,10,11,'lists/people.csv','+48501000009','','Kod K9',1,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(11,1,11,12,'lists/people.csv','+48501000010','','Kod K10',1,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(12,1,12,13,'lists/people.csv','+48501000011','','Kod K11',1,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
CREATE TABLE notice_posts (
	notice_id INTEGER NOT NULL, 
	channel TEXT NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	next_at BIGINT, 
	sent_at BIGINT, 
	error TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (notice_id, channel), 
	FOREIGN KEY(notice_id) REFERENCES notices (id)
);
CREATE TABLE notices (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	account TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	run TEXT NOT NULL, 
	text TEXT NOT NULL, 
	advice TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	settled_at BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE quota_readings (
	id INTEGER NOT NULL, 
	account TEXT NOT NULL, 
	at BIGINT NOT NULL, 
	used BIGINT NOT NULL, 
	available BIGINT NOT NULL, 
	reset_on TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "quota_readings" VALUES(1,'client-7@@HOST@',1796093601994394,0,1000,'2026-12-02');
INSERT INTO "quota_readings" VALUES(2,'client-7@@HOST@',1796093602026111,0,1000,'2026-12-02');
CREATE TABLE quota_use (
	account TEXT NOT NULL, 
	period TEXT NOT NULL, 
	run_key INTEGER NOT NULL, 
	posts INTEGER NOT NULL, 
	PRIMARY KEY (account, period, run_key), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "quota_use" VALUES('client-7@@HOST@','2026-12-02',1,8);
CREATE TABLE runs (
	"key" INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	account TEXT NOT NULL, 
	occurrence TEXT NOT NULL, 
	test BOOLEAN NOT NULL, 
	campaign_file TEXT NOT NULL, 
	campaign_sha256 TEXT NOT NULL, 
	plan_sha256 TEXT NOT NULL, 
	git_commit TEXT NOT NULL, 
	git_clean BOOLEAN NOT NULL, 
	sender TEXT NOT NULL, 
	priority TEXT NOT NULL, 
	delivery_report BOOLEAN NOT NULL, 
	config TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	rows INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	paused_by TEXT DEFAULT '' NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	fence INTEGER DEFAULT '0' NOT NULL, 
	updated_at BIGINT NOT NULL, 
	resumes_at BIGINT, 
	lifted_left INTEGER, 
	lifted_failed INTEGER, 
	lifted_canary BOOLEAN DEFAULT 0 NOT NULL, due_at BIGINT, purged_at BIGINT, 
	PRIMARY KEY ("key"), 
	CONSTRAINT runs_one_for_each_occurrence UNIQUE (account, campaign, occurrence), 
	UNIQUE (run)
);
INSERT INTO "runs" VALUES(1,'offer-20261201-1','offer','client-7@@HOST@','offer-20261201-1',0,'campaigns/offer.yaml','73e7cd97589a5b4a927e29ff74781412bb2a48fc5167bdfb239130f5c97abe0a','b7fd13580e55aa45c5e3fafcc9c647639a01befcabf8012f2d9d05830f1066be','',0,'ACME','Normal',1,'{"start":"2026-12-01T02:53:22.001059+00:00","not_after":null,"per_second":null,"reserve":0,"share":1.0,"attempts":5,"poll_until_seconds":3.0,"timezone":"Europe/Warsaw","formats":["csv","html","json"],"canary":null,"stop_if":null,"resend_unknown":false,"at_most":null,"windows":[],"turn":[5,1],"guaranteed":0,"consent":[],"segments":[],"variants":[]}',1796093602001059,12,'running','','',1,1796093602016175,NULL,NULL,NULL,0,NULL,NULL);
CREATE TABLE set_aside (
	run_key INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	source_row INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	number TEXT NOT NULL, 
	bucket TEXT NOT NULL, 
	code TEXT NOT NULL, 
	reason TEXT NOT NULL, segments TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (run_key, ordinal), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
)
 WITHOUT ROWID

;
CREATE TABLE skipped (
	account TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	due_at BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	code TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (account, campaign, due_at)
);
CREATE TABLE tallies (
	run_key INTEGER NOT NULL, 
	wave INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	PRIMARY KEY (run_key, wave, state), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
)
 WITHOUT ROWID

;
INSERT INTO "tallies" VALUES(1,1,'accepted',5);
INSERT INTO "tallies" VALUES(1,1,'accepted_noid',0);
INSERT INTO "tallies" VALUES(1,1,'delivered',0);
INSERT INTO "tallies" VALUES(1,1,'expired',0);
INSERT INTO "tallies" VALUES(1,1,'failed',0);
INSERT INTO "tallies" VALUES(1,1,'not_sent',0);
INSERT INTO "tallies" VALUES(1,1,'ready',4);
INSERT INTO "tallies" VALUES(1,1,'rejected',0);
INSERT INTO "tallies" VALUES(1,1,'sending',3);
INSERT INTO "tallies" VALUES(1,1,'suppressed',0);
INSERT INTO "tallies" VALUES(1,1,'undetermined',0);
INSERT INTO "tallies" VALUES(1,1,'unknown',0);
CREATE TABLE watched (
	account TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	accounted_until BIGINT NOT NULL, schedule TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (account, campaign)
);
CREATE TABLE waves (
	run_key INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	starts_at BIGINT, 
	size INTEGER NOT NULL, 
	PRIMARY KEY (run_key, number), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "waves" VALUES(1,1,1796093601994394,12);
CREATE UNIQUE INDEX messages_by_ordinal ON messages (run_key, ordinal);
CREATE UNIQUE INDEX messages_one_a_number ON messages (run_key, msisdn);
CREATE INDEX messages_ready ON messages (run_key, id) WHERE state = 'ready';
CREATE INDEX messages_to_poll ON messages (run_key, next_poll_at) WHERE state = 'accepted' AND next_poll_at IS NOT NULL;
CREATE INDEX messages_waiting ON messages (run_key, not_before) WHERE state = 'ready' AND not_before IS NOT NULL;
CREATE INDEX set_aside_by_number ON set_aside (run_key, number);
CREATE INDEX events_by_message ON events (message_id);
CREATE INDEX quota_readings_by_account ON quota_readings (account, at);
CREATE INDEX approvals_by_campaign ON approvals (account, campaign, id);
CREATE INDEX messages_problems ON messages (run_key, state, id) WHERE state IN ('unknown', 'accepted_noid', 'rejected', 'failed', 'undetermined', 'expired');
COMMIT;
