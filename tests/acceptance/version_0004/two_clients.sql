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
INSERT INTO "blobs" VALUES('b26690b1a51309534cf6f9a1162f167d23bdf1baabcd14f4b8c09653e0fb18d0','application/yaml',X'76657273696F6E3A20310A63616D706169676E3A206F746865720A707572706F73653A207472616E73616374696F6E616C0A73656E6465723A2041434D450A726563697069656E74733A0A20202D206373763A206C697374732F70656F706C652E6373760A6D6573736167653A0A20207375626A6563743A20224B6F64207B7B20636F6465207D7D220A706F6C6C3A207B756E74696C3A2033737D0A');
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
INSERT INTO "events" VALUES(1,1,NULL,1796093603347891,0,0,'planned','planned','begun by root','{"begun_by":"root"}');
INSERT INTO "events" VALUES(2,1,NULL,1796093603354176,0,1,'planned','running','','{}');
INSERT INTO "events" VALUES(3,1,1,1796093603365511,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(4,1,2,1796093603365511,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(5,1,3,1796093603365511,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(6,1,1,1796093603369245,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"a191507ce4c6fe38\"}","seconds":0.002}');
INSERT INTO "events" VALUES(7,1,2,1796093603369499,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"d5cececf8e2d300d\"}","seconds":0.002}');
INSERT INTO "events" VALUES(8,1,3,1796093603369608,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"469468579c775886\"}","seconds":0.002}');
INSERT INTO "events" VALUES(9,1,4,1796093603371830,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(10,1,5,1796093603371830,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(11,1,6,1796093603371830,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(12,1,6,1796093603374461,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"4bea5e1583c1f5c7\"}","seconds":0.001}');
INSERT INTO "events" VALUES(13,1,5,1796093603374693,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"91842e2508e31f68\"}","seconds":0.001}');
INSERT INTO "events" VALUES(14,1,4,1796093603374799,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"7edf0a5d73235ba8\"}","seconds":0.002}');
INSERT INTO "events" VALUES(15,1,7,1796093603377026,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(16,1,8,1796093603377026,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(17,1,9,1796093603377026,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(18,1,8,1796093603379002,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"07872cbc71220c90\"}","seconds":0.001}');
INSERT INTO "events" VALUES(19,1,9,1796093603379196,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"5903ff6a54362e97\"}","seconds":0.001}');
INSERT INTO "events" VALUES(20,1,7,1796093603379300,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"b0d60d7370bf9b1b\"}","seconds":0.001}');
INSERT INTO "events" VALUES(21,1,10,1796093603381517,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(22,1,11,1796093603381517,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(23,1,12,1796093603381517,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(24,1,12,1796093603383907,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"5513c49d8832c2ea\"}","seconds":0.001}');
INSERT INTO "events" VALUES(25,1,11,1796093603384037,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"94455ea57a2a2fd2\"}","seconds":0.001}');
INSERT INTO "events" VALUES(26,1,10,1796093603384097,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"d73db29f21e56def\"}","seconds":0.002}');
INSERT INTO "events" VALUES(27,1,NULL,1796093603388279,0,1,'running','done','','{}');
INSERT INTO "events" VALUES(28,1,1,1796093604374096,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(29,1,2,1796093604394901,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(30,1,3,1796093604415864,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(31,1,6,1796093604434996,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(32,1,5,1796093604455894,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(33,1,4,1796093604474816,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(34,1,8,1796093604495644,1,1,'accepted','expired','Expired: validity ran out before a handset retrieved it','{"http":200,"body":"{\"status\": \"Expired\"}"}');
INSERT INTO "events" VALUES(35,1,9,1796093604514341,1,1,'accepted','failed','Rejected: refused by the network or the handset','{"http":200,"body":"{\"status\": \"Rejected\"}"}');
INSERT INTO "events" VALUES(36,1,7,1796093604535135,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(37,1,12,1796093604554054,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(38,1,11,1796093604574883,1,1,'accepted','delivered','Retrieved','{"http":200,"body":"{\"status\": \"Retrieved\"}"}');
INSERT INTO "events" VALUES(39,1,10,1796093604595712,1,1,'accepted','accepted','the network cannot tell whether it was delivered','{"http":200,"body":"{\"status\": \"Indeterminate\"}"}');
INSERT INTO "events" VALUES(40,1,10,1796093606387219,1,1,'accepted','undetermined','no delivery report until the deadline; last status: Indeterminate','{"http":200,"body":"{\"status\": \"Indeterminate\"}"}');
INSERT INTO "events" VALUES(41,2,NULL,1796093607342694,0,0,'planned','planned','begun by root','{"begun_by":"root"}');
INSERT INTO "events" VALUES(42,2,NULL,1796093607350856,0,1,'planned','running','','{}');
INSERT INTO "events" VALUES(43,2,13,1796093607378771,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(44,2,14,1796093607378771,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(45,2,15,1796093607378771,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(46,2,13,1796093607391102,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"c2e9df23fd5bf00d\"}","seconds":0.006}');
INSERT INTO "events" VALUES(47,2,14,1796093607393085,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"7c7bf270f3a83dc2\"}","seconds":0.007}');
INSERT INTO "events" VALUES(48,2,15,1796093607393228,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"87c6f8d66c4c22a8\"}","seconds":0.006}');
INSERT INTO "events" VALUES(49,2,16,1796093607394482,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(50,2,17,1796093607394482,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(51,2,18,1796093607394482,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(52,2,16,1796093607397402,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"2b6fa7f76cdafc0b\"}","seconds":0.001}');
INSERT INTO "events" VALUES(53,2,18,1796093607397664,1,1,'sending','accepted','','{"wire":"answered","http":200,"body":"{\"authenticationId\": \"e41860d48f0f379c\"}","seconds":0.001}');
INSERT INTO "events" VALUES(54,2,19,1796093607399936,1,1,'ready','sending','','{}');
INSERT INTO "events" VALUES(55,2,20,1796093607399936,1,1,'ready','sending','','{}');
CREATE TABLE identity (
	ledger TEXT NOT NULL, 
	PRIMARY KEY (ledger)
);
INSERT INTO "identity" VALUES('4f074e12b3868516e9909b790c0e274a');
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
INSERT INTO "inputs" VALUES(1,1,'campaign','campaigns/other.yaml','b26690b1a51309534cf6f9a1162f167d23bdf1baabcd14f4b8c09653e0fb18d0',156);
INSERT INTO "inputs" VALUES(1,2,'list','lists/people.csv','eb99778a05f7f0b4825c7a06dfc21c00fd7c2fd6f1f4387acb2214fb604f41c4',219);
INSERT INTO "inputs" VALUES(2,1,'campaign','campaigns/offer.yaml','73e7cd97589a5b4a927e29ff74781412bb2a48fc5167bdfb239130f5c97abe0a',156);
INSERT INTO "inputs" VALUES(2,2,'list','lists/people.csv','eb99778a05f7f0b4825c7a06dfc21c00fd7c2fd6f1f4387acb2214fb604f41c4',219);
CREATE TABLE layouts (
	"key" INTEGER NOT NULL, 
	run_key INTEGER NOT NULL, 
	layout TEXT NOT NULL, 
	PRIMARY KEY ("key"), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "layouts" VALUES(1,1,'[]');
INSERT INTO "layouts" VALUES(2,2,'[]');
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
INSERT INTO "messages" VALUES(1,1,1,2,'lists/people.csv','+48501000000','','Kod K0',1,'[]',1,'delivered',1,0,1,NULL,1796093603365511,1796093603369245,1796093604374096,NULL,1,'a191507ce4c6fe38','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(2,1,2,3,'lists/people.csv','+48501000001','','Kod K1',1,'[]',1,'delivered',1,0,1,NULL,1796093603365511,1796093603369499,1796093604394901,NULL,1,'d5cececf8e2d300d','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(3,1,3,4,'lists/people.csv','+48501000002','','Kod K2',1,'[]',1,'delivered',1,0,1,NULL,1796093603365511,1796093603369608,1796093604415864,NULL,1,'469468579c775886','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(4,1,4,5,'lists/people.csv','+48501000003','','Kod K3',1,'[]',1,'delivered',1,0,1,NULL,1796093603371830,1796093603374799,1796093604474816,NULL,1,'7edf0a5d73235ba8','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(5,1,5,6,'lists/people.csv','+48501000004','','Kod K4',1,'[]',1,'delivered',1,0,1,NULL,1796093603371830,1796093603374693,1796093604455894,NULL,1,'91842e2508e31f68','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(6,1,6,7,'lists/people.csv','+48501000005','','Kod K5',1,'[]',1,'delivered',1,0,1,NULL,1796093603371830,1796093603374461,1796093604434996,NULL,1,'4bea5e1583c1f5c7','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(7,1,7,8,'lists/people.csv','+48501000006','','Kod K6',1,'[]',1,'delivered',1,0,1,NULL,1796093603377026,1796093603379300,1796093604535135,NULL,1,'b0d60d7370bf9b1b','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(8,1,8,9,'lists/people.csv','+48501000007','','Kod K7',1,'[]',1,'expired',1,0,1,NULL,1796093603377026,1796093603379002,1796093604495644,NULL,1,'07872cbc71220c90','Expired','Expired: validity ran out before a handset retrieved it','Expired','','');
INSERT INTO "messages" VALUES(9,1,9,10,'lists/people.csv','+48501000008','','Kod K8',1,'[]',1,'failed',1,0,1,NULL,1796093603377026,1796093603379196,1796093604514341,NULL,1,'5903ff6a54362e97','Rejected','Rejected: refused by the network or the handset','Rejected','','');
INSERT INTO "messages" VALUES(10,1,10,11,'lists/people.csv','+48501000009','','Kod K9',1,'[]',1,'undetermined',1,0,1,NULL,1796093603381517,1796093603384097,1796093606387219,NULL,5,'d73db29f21e56def','Indeterminate','no delivery report until the deadline; last status: Indeterminate','Indeterminate','','');
INSERT INTO "messages" VALUES(11,1,11,12,'lists/people.csv','+48501000010','','Kod K10',1,'[]',1,'delivered',1,0,1,NULL,1796093603381517,1796093603384037,1796093604574883,NULL,1,'94455ea57a2a2fd2','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(12,1,12,13,'lists/people.csv','+48501000011','','Kod K11',1,'[]',1,'delivered',1,0,1,NULL,1796093603381517,1796093603383907,1796093604554054,NULL,1,'5513c49d8832c2ea','Retrieved','','Retrieved','','');
INSERT INTO "messages" VALUES(13,2,1,2,'lists/people.csv','+48501000000','','Kod K0',2,'[]',1,'accepted',1,0,1,NULL,1796093607378771,1796093607391102,NULL,1796093607691102,0,'c2e9df23fd5bf00d','','','','','');
INSERT INTO "messages" VALUES(14,2,2,3,'lists/people.csv','+48501000001','','Kod K1',2,'[]',1,'accepted',1,0,1,NULL,1796093607378771,1796093607393085,NULL,1796093607693085,0,'7c7bf270f3a83dc2','','','','','');
INSERT INTO "messages" VALUES(15,2,3,4,'lists/people.csv','+48501000002','','Kod K2',2,'[]',1,'accepted',1,0,1,NULL,1796093607378771,1796093607393228,NULL,1796093607693228,0,'87c6f8d66c4c22a8','','','','','');
INSERT INTO "messages" VALUES(16,2,4,5,'lists/people.csv','+48501000003','','Kod K3',2,'[]',1,'accepted',1,0,1,NULL,1796093607394482,1796093607397402,NULL,1796093607697402,0,'2b6fa7f76cdafc0b','','','','','');
INSERT INTO "messages" VALUES(17,2,5,6,'lists/people.csv','+48501000004','','Kod K4',2,'[]',1,'sending',1,0,1,NULL,1796093607394482,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(18,2,6,7,'lists/people.csv','+48501000005','','Kod K5',2,'[]',1,'accepted',1,0,1,NULL,1796093607394482,1796093607397664,NULL,1796093607697664,0,'e41860d48f0f379c','','','','','');
INSERT INTO "messages" VALUES(19,2,7,8,'lists/people.csv','+48501000006','','Kod K6',2,'[]',1,'sending',1,0,1,NULL,1796093607399936,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(20,2,8,9,'lists/people.csv','+48501000007','','Kod K7',2,'[]',1,'sending',1,0,1,NULL,1796093607399936,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(21,2,9,10,'lists/people.csv','+48501000008','','Kod K8',2,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(22,2,10,11,'lists/people.csv','+48501000009','','Kod K9',2,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(23,2,11,12,'lists/people.csv','+48501000010','','Kod K10',2,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
INSERT INTO "messages" VALUES(24,2,12,13,'lists/people.csv','+48501000011','','Kod K11',2,'[]',1,'ready',0,0,0,NULL,NULL,NULL,NULL,NULL,0,'','','','','','');
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
INSERT INTO "quota_readings" VALUES(1,'client-8@@HOST@',1796093603332088,0,1000,'2026-12-02');
INSERT INTO "quota_readings" VALUES(2,'client-8@@HOST@',1796093603363914,0,1000,'2026-12-02');
INSERT INTO "quota_readings" VALUES(3,'client-7@@HOST@',1796093607312131,12,988,'2026-12-02');
INSERT INTO "quota_readings" VALUES(4,'client-7@@HOST@',1796093607376816,12,988,'2026-12-02');
CREATE TABLE quota_use (
	account TEXT NOT NULL, 
	period TEXT NOT NULL, 
	run_key INTEGER NOT NULL, 
	posts INTEGER NOT NULL, 
	PRIMARY KEY (account, period, run_key), 
	FOREIGN KEY(run_key) REFERENCES runs ("key")
);
INSERT INTO "quota_use" VALUES('client-8@@HOST@','2026-12-02',1,12);
INSERT INTO "quota_use" VALUES('client-7@@HOST@','2026-12-02',2,8);
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
INSERT INTO "runs" VALUES(1,'other-20261201-1','other','client-8@@HOST@','other-20261201-1',0,'campaigns/other.yaml','b26690b1a51309534cf6f9a1162f167d23bdf1baabcd14f4b8c09653e0fb18d0','e7012e52045684559fc782cbfdd3c1ab4f1e8368c6c41a77002b5381d3d27c0e','',0,'ACME','Normal',1,'{"start":"2026-12-01T02:53:23.339166+00:00","not_after":null,"per_second":null,"reserve":0,"share":1.0,"attempts":5,"poll_until_seconds":3.0,"timezone":"Europe/Warsaw","formats":["csv","html","json"],"canary":null,"stop_if":null,"resend_unknown":false,"at_most":null,"windows":[],"turn":[5,1],"guaranteed":0,"consent":[],"segments":[],"variants":[]}',1796093603339166,12,'done','','',1,1796093603388279,NULL,NULL,NULL,0,NULL,NULL);
INSERT INTO "runs" VALUES(2,'offer-20261201-1','offer','client-7@@HOST@','offer-20261201-1',0,'campaigns/offer.yaml','73e7cd97589a5b4a927e29ff74781412bb2a48fc5167bdfb239130f5c97abe0a','b7fd13580e55aa45c5e3fafcc9c647639a01befcabf8012f2d9d05830f1066be','',0,'ACME','Normal',1,'{"start":"2026-12-01T02:53:27.324720+00:00","not_after":null,"per_second":null,"reserve":0,"share":1.0,"attempts":5,"poll_until_seconds":3.0,"timezone":"Europe/Warsaw","formats":["csv","html","json"],"canary":null,"stop_if":null,"resend_unknown":false,"at_most":null,"windows":[],"turn":[5,1],"guaranteed":0,"consent":[],"segments":[],"variants":[]}',1796093607324720,12,'running','','',1,1796093607350856,NULL,NULL,NULL,0,NULL,NULL);
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
INSERT INTO "tallies" VALUES(1,1,'accepted',0);
INSERT INTO "tallies" VALUES(1,1,'accepted_noid',0);
INSERT INTO "tallies" VALUES(1,1,'delivered',9);
INSERT INTO "tallies" VALUES(1,1,'expired',1);
INSERT INTO "tallies" VALUES(1,1,'failed',1);
INSERT INTO "tallies" VALUES(1,1,'not_sent',0);
INSERT INTO "tallies" VALUES(1,1,'ready',0);
INSERT INTO "tallies" VALUES(1,1,'rejected',0);
INSERT INTO "tallies" VALUES(1,1,'sending',0);
INSERT INTO "tallies" VALUES(1,1,'suppressed',0);
INSERT INTO "tallies" VALUES(1,1,'undetermined',1);
INSERT INTO "tallies" VALUES(1,1,'unknown',0);
INSERT INTO "tallies" VALUES(2,1,'accepted',5);
INSERT INTO "tallies" VALUES(2,1,'accepted_noid',0);
INSERT INTO "tallies" VALUES(2,1,'delivered',0);
INSERT INTO "tallies" VALUES(2,1,'expired',0);
INSERT INTO "tallies" VALUES(2,1,'failed',0);
INSERT INTO "tallies" VALUES(2,1,'not_sent',0);
INSERT INTO "tallies" VALUES(2,1,'ready',4);
INSERT INTO "tallies" VALUES(2,1,'rejected',0);
INSERT INTO "tallies" VALUES(2,1,'sending',3);
INSERT INTO "tallies" VALUES(2,1,'suppressed',0);
INSERT INTO "tallies" VALUES(2,1,'undetermined',0);
INSERT INTO "tallies" VALUES(2,1,'unknown',0);
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
INSERT INTO "waves" VALUES(1,1,1796093603332088,12);
INSERT INTO "waves" VALUES(2,1,1796093607312131,12);
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
