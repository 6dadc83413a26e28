//! Python with the client in it, which does what it is told line by line. Importing the client takes seconds, so a test
//! does it once.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use super::Chroma;
use crate::prometheus::DriveError;

/// Each line is a JSON string of Python text. Its last expression is the answer, as JSON; an exception is one, too.
const LOOP: &str = r"
import ast, json, sys, chromadb
def client(port):
    return chromadb.HttpClient(host='127.0.0.1', port=port)
def books(port):
    def of(collection):
        got = collection.get(include=['documents', 'metadatas', 'embeddings'])
        rows = zip(got['ids'], got['documents'], got['metadatas'], got['embeddings'])
        records = {id: [document, metadata, list(map(float, vector))] for id, document, metadata, vector in rows}
        return {'metadata': collection.metadata, 'records': records}
    return {collection.name: of(collection) for collection in client(port).list_collections()}
def ids(port):
    return {collection.name: str(collection.id) for collection in client(port).list_collections()}
def do(text):
    tree = ast.parse(text)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, 'test', 'exec'), globals())
    return eval(compile(ast.Expression(last.value), 'test', 'eval'), globals()) if last else None
for line in sys.stdin:
    try:
        answer = {'value': do(json.loads(line))}
    except Exception as error:
        answer = {'error': type(error).__name__ + ': ' + str(error)}
    print(json.dumps(answer, default=lambda other: other.tolist() if hasattr(other, 'tolist') else str(other)), flush=True)
";

/// A running Python. It ends with this value.
#[derive(Debug)]
pub struct Session {
    child: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Session {
    pub(super) fn start(chroma: &Chroma) -> Result<Self, DriveError> {
        let mut command = chroma.script(LOOP);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(DriveError::machine("start python3"))?;
        let (Some(words), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(DriveError::machine("talk to python3")(std::io::ErrorKind::BrokenPipe.into()));
        };
        Ok(Self { child, words: Some(words), answers: BufReader::new(answers) })
    }

    /// Runs Python text and answers with the value of its last expression, or with the exception.
    ///
    /// `client(port)` is the client of the server on a port of this machine, `ids(port)` its collections with their ids,
    /// and `books(port)` everything that it has: collections by name, with their records by id.
    pub fn run(&mut self, text: &str) -> Result<Value, String> {
        let answer = self.talk(text).map_err(|cause| format!("Python is gone: {cause}"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer.get("value").cloned().unwrap_or_default()),
        }
    }

    fn talk(&mut self, text: &str) -> std::io::Result<Value> {
        let words = self.words.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        writeln!(words, "{}", json!(text))?;
        words.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // At the end of its input it ends by itself, unless it waits for a server that does not answer.
        drop(self.words.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
