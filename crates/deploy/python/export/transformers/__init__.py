"""Transformers: from a frame to a frame.

To add one: a file here with a function `(converter, step, frame) -> Frame`, a line in `TRANSFORMERS`, and its
cases in the exporter's tests. It raises `Unsupported` for every parameter that it doesn't reproduce.
"""

from .column_transformer import column_transformer
from .function_transformer import function_transformer
from .min_max_scaler import min_max_scaler
from .one_hot_encoder import one_hot_encoder
from .ordinal_encoder import ordinal_encoder
from .pipeline import pipeline
from .simple_imputer import simple_imputer
from .standard_scaler import standard_scaler

TRANSFORMERS = {
    "sklearn.compose.ColumnTransformer": column_transformer,
    "sklearn.impute.SimpleImputer": simple_imputer,
    "sklearn.pipeline.Pipeline": pipeline,
    "sklearn.preprocessing.FunctionTransformer": function_transformer,
    "sklearn.preprocessing.MinMaxScaler": min_max_scaler,
    "sklearn.preprocessing.OneHotEncoder": one_hot_encoder,
    "sklearn.preprocessing.OrdinalEncoder": ordinal_encoder,
    "sklearn.preprocessing.StandardScaler": standard_scaler,
}
