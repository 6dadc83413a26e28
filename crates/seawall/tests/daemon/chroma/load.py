# A client under load that keeps books. Each line on standard output is an attempt; at the end of standard input it
# stops, and its last line is what may be there: for each collection and record, the texts that it may have. A write
# that was acknowledged leaves one text; one that failed leaves both, since it may have been applied.
import json, random, sys, threading, chromadb, httpx

port, workers, seed = (int(word) for word in sys.argv[1:4])
stop = threading.Event()
telling = threading.Lock()

def told(word):
    with telling:
        print(word, flush=True)

class Worker:
    def __init__(self, number):
        self.random = random.Random(seed * 1000 + number)
        self.name, self.books, self.collection, self.clock = f'worker-{number}', {}, None, 0

    def attempt(self, what):
        try:
            what()
            told('done')
            return True
        except Exception as error:
            told(f'failed {type(error).__name__}: {str(error)[:200]}')
            stop.wait(0.02)
            return False

    def wrote(self, ids, text, acknowledged):
        for id in ids:
            before = [] if acknowledged else self.books.get(id, [None])
            self.books[id] = before + [text]

    def upsert(self):
        ids = self.random.sample(range(20), 3)
        self.write(self.collection.upsert, [f'r{id}' for id in ids])

    def add(self):
        # Never an id that was used: what is there is not added, and the books do not know what is.
        self.write(self.collection.add, [f'n{self.clock}'])

    def write(self, method, ids):
        text = f'{self.name} {self.clock}'
        vectors = [[1.0, float(self.clock)]] * len(ids)
        acknowledged = self.attempt(lambda: method(ids=ids, embeddings=vectors, documents=[text] * len(ids)))
        self.wrote(ids, text, acknowledged)

    def delete(self):
        ids = [id for id in self.books if self.random.random() < 0.2][:3]
        if ids:
            self.wrote(ids, None, self.attempt(lambda: self.collection.delete(ids=ids)))

    def anew(self):
        # Until it is acknowledged, or the answer is that there is nothing to delete.
        def delete():
            try:
                self.client.delete_collection(self.name)
            except chromadb.errors.NotFoundError:
                pass
        while not self.attempt(delete):
            pass
        self.books, self.collection = {}, None
        self.open()

    def open(self):
        def create():
            self.collection = self.client.get_or_create_collection(self.name)
        while self.collection is None:
            self.attempt(create)

    def look(self):
        def get():
            for id, text in zip(*(self.collection.get()[key] for key in ('ids', 'documents'))):
                assert text.startswith(self.name + ' '), f'{text} was invented'
        self.attempt(get)

    def run(self):
        self.client = None
        def connect():
            self.client = chromadb.HttpClient(host='127.0.0.1', port=port)
        while self.client is None:
            self.attempt(connect)
        self.open()
        while not stop.is_set():
            self.clock += 1
            # Not so fast that the kills come while nobody listens.
            stop.wait(0.02)
            act = self.random.choices([self.upsert, self.add, self.delete, self.look, self.anew], [8, 6, 3, 2, 0.15])[0]
            act()

threads = []
workers = [Worker(number) for number in range(workers)]
for worker in workers:
    threads.append(threading.Thread(target=worker.run))
    threads[-1].start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join()
told(json.dumps({worker.name: worker.books for worker in workers}))
